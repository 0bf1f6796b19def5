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
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.support.ports import free_ports
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
GUIDES = ("docs/getting-started.md", "docs/data.md", "docs/operating.md", "docs/backups.md")
SAMPLE = ROOT / "tests" / "data" / "json-v1"
USUAL_PORTS = ("3444", "3445", "3446", "3447", "3448", "3449")

_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_PORT = re.compile(r"\b344\d\b")


def commands_of(guide: str) -> list[str]:
    """The lines of a guide's console blocks that begin with a dollar sign, without it."""
    blocks = _BLOCK.findall((ROOT / guide).read_text())
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("guide", GUIDES)
def test_every_command_of_the_guide_succeeds(guide: str, tmp_path: Path) -> None:
    ports = dict(zip(USUAL_PORTS, map(str, free_ports(len(USUAL_PORTS))), strict=True))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HOME": str(tmp_path)}
    commands = commands_of(guide)
    assert len(commands) > 5
    with _background(tmp_path, environment) as start:
        for line in commands:
            command = _PORT.sub(lambda match: ports[match[0]], line).replace("SAMPLE", str(SAMPLE))
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
                file.write_text(_PORT.sub(lambda match: ports[match[0]], file.read_text()))


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
    assert ended == [0] * len(children)
