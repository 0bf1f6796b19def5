"""The commented example is the schema, the help and the document: one source, and nothing missing from it."""

from __future__ import annotations

import re
import tomllib
from pathlib import PurePosixPath

import pytest

from homeport.environments.backup_settings import BackupSettings
from homeport.environments.declaration import Ports, parse_declaration
from homeport.environments.example import render_example
from homeport.environments.names import PRESETS
from homeport.environments.settings import EnvironmentSettings

FILE = PurePosixPath("/srv/homeport.toml")


def with_every_setting_declared(text: str) -> str:
    return re.sub(r"^# (?=[a-z_]+ = )", "", text, flags=re.MULTILINE)


def test_the_example_has_no_fault() -> None:
    assert list(parse_declaration(render_example(), FILE).environments) == list(PRESETS)


def test_every_setting_stands_in_it_for_every_environment() -> None:
    tables = tomllib.loads(with_every_setting_declared(render_example()))["environments"]
    for name in PRESETS:
        assert list(tables[name]) == list(EnvironmentSettings.model_fields)
        assert list(tables[name]["backup"]) == list(BackupSettings.model_fields)


def test_declaring_every_shown_default_changes_nothing() -> None:
    shown = parse_declaration(with_every_setting_declared(render_example()), FILE)
    bare = parse_declaration("".join(f"[environments.{name}]\n" for name in PRESETS), FILE)
    assert shown.environments == bare.environments
    assert shown.root == bare.root


@pytest.mark.parametrize("setting", EnvironmentSettings.model_fields)
def test_every_setting_says_what_it_is_for(setting: str) -> None:
    field = EnvironmentSettings.model_fields[setting]
    description = field.description or ""
    assert description.endswith(".")
    written = f".{setting}]" if isinstance(field.default, BackupSettings) else f"{setting} = "
    before, _, _ = render_example().partition(written)
    assert description.split()[-1] in before


@pytest.mark.parametrize("setting", BackupSettings.model_fields)
def test_every_setting_of_backups_says_what_it_is_for(setting: str) -> None:
    description = BackupSettings.model_fields[setting].description or ""
    assert description.endswith(".")
    before, _, _ = render_example().partition(f"# {setting} = ")
    assert description.split()[-1] in before


def test_no_line_is_too_long_to_read() -> None:
    assert max(len(line) for line in render_example().splitlines()) <= 110


def test_other_ports_are_written_into_it() -> None:
    found = parse_declaration(render_example({"local": Ports(5000, 5001)}), FILE)
    assert found.environment("local").ports == {"http_port": 5000, "sse_port": 5001}
    assert found.environment("production").http_port == 3444
