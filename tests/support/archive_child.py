"""Packs, verifies or unpacks in a process of its own, which may be killed or measured.

``python -m tests.support.archive_child pack|seal|verify|extract SOURCE TARGET`` prints its largest memory in KiB.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from pathlib import Path

from homeport.environments.backups.naming import parse_name
from homeport.host.archives.extracting import extract
from homeport.host.archives.sealing import read_identities, read_recipients
from homeport.host.archives.verifying import verify
from homeport.host.archives.writing import write_archive
from tests.support.archives import described

# Of no archive but those of tests: the public key is in the argument list of whoever seals.
IDENTITY = "identity.txt"


def main(what: str, source: Path, target: Path) -> None:
    public = target.parent / "recipient.txt"
    identities = tuple(read_identities(source.parent / IDENTITY)) if source.suffix == ".age" else ()
    named = parse_name(target.name)
    work: dict[str, Callable[[], object]] = {
        "pack": lambda: write_archive(source, target, described(named.backup if named else "")),
        "seal": lambda: write_archive(
            source,
            target,
            described(named.backup if named else ""),
            recipients=read_recipients(public.read_text().splitlines()),
        ),
        "verify": lambda: verify(source, None, identities),
        "extract": lambda: extract(source, target, None, identities),
    }
    work[what]()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # noqa: T201 - what the parent reads


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
