"""Commands in this very process, on one declaration, and what they said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from homeport.cli import main


class CommandLine:
    """The command line for a declaration.

    Args:
        file: the declaration; need not be there yet.
        capsys: hears what is said.
    """

    def __init__(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.file = file
        self._capsys = capsys

    def run(self, *words: str, code: int = 0) -> tuple[str, str]:
        """What a command said on stdout and stderr; it must end with this code."""
        self._capsys.readouterr()
        ended = main(["--config", str(self.file), *words])
        said = self._capsys.readouterr()
        assert ended == code, said.out + said.err
        return said.out, said.err

    def json(self, *words: str, code: int = 0) -> Any:
        """Its answer; where it failed, the last line of its errors."""
        out, err = self.run(*words, "--json", code=code)
        return json.loads(out if code in (0, 4) else err.strip().splitlines()[-1])
