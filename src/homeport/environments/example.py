"""The commented example of ``homeport.toml``, rendered from the settings themselves.

It is what ``homeport init`` writes and what ``homeport config docs`` prints. Every setting stands in it with
its default behind a ``#``; taking all of those away changes nothing, which a test holds.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from homeport.environments.declaration import Ports
from homeport.environments.making import make_environment
from homeport.environments.names import PRESETS
from homeport.environments.proxy import proxy_path_of
from homeport.environments.settings import ROOT_DESCRIPTION, EnvironmentSettings

_WIDTH: Final = 100
_HEAD: Final = """\
# homeport.toml declares the environments of one coordination server. Every path, port and unit name is
# derived from it. What is behind a # is the default: remove the # to change it.
#
#   homeport up             run production and development in the foreground
#   homeport config check   every fault of this file, each with its path
#   homeport config show    everything that follows from it
"""
_ALWAYS_SHOWN: Final = ("http_port", "sse_port")


def render_example(
    ports: Mapping[str, Ports] | None = None, declared: Mapping[str, Mapping[str, object]] | None = None
) -> str:
    """The text of a declaration with the environments of the proposal.

    Args:
        ports: other ports than the usual ones, by environment.
        declared: settings that stand in it besides, by environment.
    """
    parts = [_HEAD, f'{_comment(ROOT_DESCRIPTION)}# root = "."\n']
    for number, name in enumerate(PRESETS):
        parts.append(_table(name, (ports or {}).get(name), (declared or {}).get(name, {}), explain=number == 0))
    return "\n".join(parts)


def _table(name: str, ports: Ports | None, declared: Mapping[str, object], *, explain: bool) -> str:
    preset = PRESETS[name]
    lines = [f"# {preset.purpose}\n[environments.{name}]\n"]
    tables = []
    values = {**_defaults(name), **declared}
    if ports:
        values["http_port"] = ports.http
        values["sse_port"] = ports.sse or values["sse_port"]
    for setting, field in EnvironmentSettings.model_fields.items():
        if isinstance(field.default, BaseModel):
            # TOML has the tables of a table behind its own keys.
            tables.append(_inner_table(f"environments.{name}.{setting}", field, explain=explain))
            continue
        mark = "" if setting in (*_ALWAYS_SHOWN, *declared) else "# "
        lines.append(_line(setting, values[setting], field, mark, explain=explain))
    return "".join([*lines, *tables])


def _inner_table(path: str, table: FieldInfo, *, explain: bool) -> str:
    head = f"\n{_comment(table.description or '')}" if explain else "\n"
    fields = type(table.default).model_fields
    lines = [_line(setting, field.default, field, "# ", explain=explain) for setting, field in fields.items()]
    return "".join([f"{head}[{path}]\n", *lines])


def _line(setting: str, value: object, field: FieldInfo, mark: str, *, explain: bool) -> str:
    said = f"\n{_comment(field.description or '')}" if explain else ""
    return f"{said}{mark}{setting} = {_toml(value)}\n"


def _defaults(name: str) -> dict[str, object]:
    """What each setting is where it is not declared, as it would be written."""
    made = make_environment(name, EnvironmentSettings.model_validate({}), PurePosixPath("/"))
    derived = {
        "protected": made.protected,
        "auth": made.auth,
        "rate_limit": made.rate_limit,
        "http_port": made.http_port,
        "sse_port": made.declared_sse_port,
        "directory": str(made.directory)[1:],
        "data": str(made.data_directory)[1:],
        "backups": str(made.backups_directory)[1:],
        "unit": made.unit,
        "trusted_proxies": list(made.trusted_proxies),
        "working_directory": str(made.service.working_directory)[1:],
        "install": list(made.service.install),
        "user": made.user,
        "proxy_path": proxy_path_of(name, EnvironmentSettings.model_validate({})),
    }
    return {setting: derived.get(setting, field.default) for setting, field in EnvironmentSettings.model_fields.items()}


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(text, _WIDTH - 2, break_on_hyphens=False))


def _toml(value: object) -> str:
    # Booleans, whole numbers, plain texts and lists of them are written alike in JSON and in TOML.
    return json.dumps(value)
