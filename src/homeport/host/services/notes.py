"""What is wrong with the source of a server that is exchanged for every change of it: noted beside its pid file."""

from __future__ import annotations

import json
from pathlib import Path

from homeport.files import write_atomically


def note_trouble(file: Path, problem: str) -> None:
    """Notes what is wrong, for whoever asks how the server is."""
    write_atomically(file, json.dumps({"problem": problem}) + "\n")


def read_trouble(file: Path) -> str:
    """What was noted last; empty for nothing."""
    try:
        return str(json.loads(file.read_bytes())["problem"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
