"""The guides in docs/ are true: their commands are executed, in order, in an empty directory."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from homeport.host.declaration_file import read_declaration
from homeport.host.services.processes import ProcessManager
from tests.support.ports import free_ports
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
GUIDES = (
    "docs/getting-started.md",
    "docs/data.md",
    "docs/operating.md",
    "docs/backups.md",
    "docs/workflows.md",
    "docs/deploy.md",
)
SAMPLE = ROOT / "tests" / "data" / "json-v1"
USUAL_PORTS = ("3444", "3445", "3446", "3447", "3448", "3449")

WHO = {f"GIT_{who}_{what}": "kai@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_PORT = re.compile(r"\b344\d\b")


def commands_of(guide: str) -> list[str | tuple[str, str]]:
    """The lines of a guide's console blocks that begin with a dollar sign, without it; and the files between them.

    A file is a block that has its name behind its language: the name and the text.
    """
    found: list[str | tuple[str, str]] = []
    for language, name, text in _BLOCK.findall((ROOT / guide).read_text()):
        if language == "console":
            found += [line[2:] for line in text.splitlines() if line.startswith("$ ")]
        elif name.strip():
            found.append((name.strip(), text))
    return found


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("guide", GUIDES)
def test_every_command_of_the_guide_succeeds(guide: str, tmp_path: Path) -> None:
    ports = dict(zip(USUAL_PORTS, map(str, free_ports(len(USUAL_PORTS))), strict=True))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, **WHO, "PATH": path, "HOME": str(tmp_path)}
    commands = commands_of(guide)
    assert len(commands) > 5

    def here(text: str) -> str:
        text = _PORT.sub(lambda match: ports[match[0]], text).replace("SAMPLE", str(SAMPLE))
        return text.replace("/srv/homeport.git", str(ROOT))

    with _background(tmp_path, environment) as start:
        for line in commands:
            if isinstance(line, tuple):
                file = tmp_path / line[0]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(here(line[1]))
                continue
            command = here(line)
            if command.endswith(" &"):
                start(command.removesuffix(" &").split())
                until(lambda: all(_answers(ports[usual]) for usual in ("3444", "3446")), within=60)
                continue
            ran = subprocess.run(
                ["bash", "-o", "pipefail", "-c", command],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
            if line == "homeport init":
                file = tmp_path / "homeport.toml"
                file.write_text(here(file.read_text()))


def _answers(port: str) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except URLError:
        return False


@contextmanager
def _background(directory: Path, environment: dict[str, str]) -> Iterator[Callable[[list[str]], None]]:
    """Starts commands that stay, and ends them as Ctrl-C would."""
    children: list[subprocess.Popen[bytes]] = []

    def start(command: list[str]) -> None:
        program = shutil.which(command[0], path=environment["PATH"])
        assert program is not None
        children.append(subprocess.Popen([program, *command[1:]], cwd=directory, env=environment))

    try:
        yield start
    finally:
        for child in children:
            child.send_signal(signal.SIGINT)
        ended = [child.wait(timeout=30) for child in children]
        # A guide stops what it started; one that failed half way has not.
        file = directory / "homeport.toml"
        for one in read_declaration(file, {}).environments.values() if file.exists() else ():
            ProcessManager(PurePosixPath("/"), PurePosixPath("/"), grace=10).stop(one)
    assert ended == [0] * len(children)
