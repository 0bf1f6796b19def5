"""What counts as a change of a server's source."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import PurePosixPath

import pytest

from homeport.environments.declaration import parse_declaration
from homeport.environments.services.reloading import is_source, kept_apart, named, told

FILE = PurePosixPath("/srv/app/homeport.toml")
TEXT = """
[environments.development]
checkout = "."
directory = "environments/development"
backups = "environments/development-backups"
[environments.production]
directory = "environments/production"
backups = "environments/production-backups"
"""
TOP = PurePosixPath("/srv/app")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("src/homeport/cli/up.py", True),
        ("src/handlers/messaging.js", True),
        ("package.json", True),
        ("environments/readme.md", True),
        (".git/index", False),
        ("src/.git/HEAD", False),
        ("node_modules/x/index.js", False),
        (".venv/lib/x.py", False),
        ("src/__pycache__/up.cpython-311.pyc", False),
        ("src/.up.py.swp", False),
        ("src/up.py~", False),
        ("src/4913", False),
        ("src/.#up.py", False),
        ("debug.log", False),
        ("environments/development/data/homeport.db", False),
        ("environments/development/server.pid", False),
        ("environments/development/journal/operations.jsonl", False),
        ("environments/production/data/homeport.db", False),
        ("environments/production-backups/x.tar.zst", False),
        ("../elsewhere.py", False),
    ],
)
def test_only_what_a_server_is_made_of_is_its_source(name: str, expected: bool) -> None:
    declared = tuple(parse_declaration(TEXT, FILE).environments.values())
    path = PurePosixPath("/srv/elsewhere.py") if name.startswith("..") else TOP / name
    assert is_source(path, TOP, kept_apart(declared, TOP)) is expected


def test_a_checkout_within_its_environments_directory_is_looked_at() -> None:
    text = '[environments.development]\ncheckout = "development/checkout"\n'
    declared = tuple(parse_declaration(text, FILE).environments.values())
    top = TOP / "development" / "checkout"
    assert is_source(top / "src" / "up.py", top, kept_apart(declared, top))


def test_a_line_of_the_log_is_one_line_in_the_form_of_the_servers_own() -> None:
    environment = parse_declaration(TEXT, FILE).environment("development")
    at = datetime(2026, 10, 2, 6, 15, tzinfo=UTC)
    line = told(environment, at, "error", "a\nb", "json")
    assert json.loads(line)["time"] == "2026-10-02T06:15:00.000Z"
    assert "\n" not in line
    assert told(environment, at, "error", "a\nb", "text").endswith("development error reload: a b")


def test_a_change_is_named_by_its_first_file() -> None:
    assert named([TOP / "b.py", TOP / "a.py"], TOP) == "a.py and 1 more"
