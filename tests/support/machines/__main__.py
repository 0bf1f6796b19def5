"""``python -m tests.support.machines``: builds what the machines start from, and says what it took."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.support.machines.image import prepared
from tests.support.machines.needs import missing


def main() -> None:
    """Prints a line a layer; where machines cannot run, the reason."""
    reason = missing()
    if reason is not None:
        sys.stderr.write(f"homeport: the tests marked system are skipped: {reason}\n")
        return
    began = time.monotonic()
    with prepared() as layers:
        took = time.monotonic() - began
        if took > 1:
            sizes = subprocess.run(["du", "-shc", *layers], capture_output=True, text=True, check=True)
            sys.stdout.write(f"{sizes.stdout}prepared in {took:.0f} s\n")


main()
