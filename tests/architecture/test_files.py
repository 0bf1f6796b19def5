"""What no file of the repository may hold, and what the lock files must."""

from __future__ import annotations

import json
import re
from typing import Final

import pytest

from tests.architecture.source import ROOT, project_files

# Written in pieces, so that this file is not its own first finding.
FORBIDDEN: Final = {
    "a path of the machine it was written on": r"(?<![\w.:-])/wo" + r"rk/|/\.libr" + "ary/",
    "a tool of the place it was written in": r"\bfa" + r"rm-[a-z]|\bissues (?:sh" + "ow|sub" + "mit|cl" + "ose)",
    "the host of a package registry": "py" + r"pi\.org|python" + r"hosted\.org|registry\.npm" + r"js|/opt/py" + "pi",
}
LOCKS: Final = sorted(path for path in project_files() if path.suffix == ".lock")
NODE_LOCK: Final = ROOT / "tests" / "clients" / "node" / "package-lock.json"


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names_where_it_was_made(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    findings = []
    for path in project_files():
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        findings += [f"{path}:{n}" for n, line in enumerate(text.splitlines(), 1) if pattern.search(line)]
    assert not findings, f"{what}:\n" + "\n".join(findings)


def test_there_are_lock_files_for_running_developing_and_measuring() -> None:
    assert [path.name for path in LOCKS] == ["bench.lock", "dev.lock", "runtime.lock"]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_file_pins_every_distribution_by_hash_and_names_no_address(path: object) -> None:
    text = (ROOT / str(path)).read_text(encoding="utf-8")
    assert "://" not in text
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert entries
    unpinned = [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry]
    assert not unpinned
    assert len(entries) == len(re.findall(r"^[^\s#]", text, flags=re.MULTILINE))


def test_the_developers_lock_file_holds_the_versions_that_users_run() -> None:
    versions = {
        path.stem: dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / path).read_text(), re.MULTILINE)) for path in LOCKS
    }
    assert versions["runtime"].items() <= versions["dev"].items()


def test_the_npm_lock_file_pins_every_package_by_hash_and_names_no_address() -> None:
    text = NODE_LOCK.read_text(encoding="utf-8")
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert not [name for name, package in packages.items() if name and "integrity" not in package]
