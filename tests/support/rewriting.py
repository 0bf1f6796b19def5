"""A program that rewrites its data directory without a pause, as the earlier server does.

``python -m tests.support.rewriting DIRECTORY`` goes on until it is ended. Every version of a JSON file is the first one
with another indentation, so that what is whole can be told from what is not. A file instead of a directory is
written at its beginning, again and again.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

INDENTS = (None, 0, 1, 2, 5)


def versions(original: str) -> list[str]:
    """Every text that a file may have."""
    document = json.loads(original)
    return [original, *(json.dumps(document, indent=indent) for indent in INDENTS)]


def main(top: Path) -> None:
    if top.is_file():
        _restless(top)
    files = {path: versions(path.read_text()) for path in sorted(top.rglob("*.json"))}
    for number in itertools.count():
        for position, (path, texts) in enumerate(files.items()):
            text = texts[(number + position) % len(texts)]
            if position % 2:
                _in_place(path, text)
            else:
                beside = path.with_name(f"{path.name}.{number % 7}.tmp")
                beside.write_text(text)
                beside.replace(path)
        with (top / "server.log").open("a") as log:
            log.write(f"round {number}\n")
        if number == 0:
            print("begun", flush=True)  # noqa: T201 - what the parent waits for


def _restless(file: Path) -> None:
    with file.open("r+b", buffering=0) as out:
        for number in itertools.count():
            out.seek(0)
            out.write(number.to_bytes(8, "little"))
            if number == 0:
                print("begun", flush=True)  # noqa: T201 - what the parent waits for


def _in_place(path: Path, text: str) -> None:
    """As naive programs do: emptied first, then written in pieces."""
    with path.open("w", buffering=1) as out:
        third = len(text) // 3
        for piece in (text[:third], text[third : 2 * third], text[2 * third :]):
            out.write(piece)
            out.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
