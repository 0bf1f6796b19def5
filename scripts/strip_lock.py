"""Take the addresses out of an npm lock file: where a package came from, and where its authors take donations.

npm finds a package by its name and checks it by its integrity hash, so `npm ci` needs neither.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    """Rewrite the file named by the only argument."""
    path = Path(sys.argv[1])
    lock = json.loads(path.read_text(encoding="utf-8"))
    for package in lock["packages"].values():
        package.pop("funding", None)
        package.pop("resolved", None)
    path.write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
