"""The declaration: the text of ``homeport.toml`` in, environments or all of its faults out. Pure."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from homeport.environments.backup_settings import BackupSettings
from homeport.environments.database import find_database_faults
from homeport.environments.defaults import is_loopback
from homeport.environments.deploy_settings import DeploySettings
from homeport.environments.environment import Environment
from homeport.environments.faults import DeclarationError, Fault
from homeport.environments.follow_settings import FollowSettings
from homeport.environments.making import make_environment
from homeport.environments.names import LONGEST_NAME, PRESETS, did_you_mean, is_environment_name
from homeport.environments.paths import absolute
from homeport.environments.services.service import find_service_faults
from homeport.environments.settings import EnvironmentSettings
from homeport.environments.sharing import Claim, claims_of, find_sharing
from homeport.environments.values import PathText
from homeport.errors import UsageError

FILE_NAME: Final = "homeport.toml"
_TOP_LEVEL: Final = ("root", "environments")
_SETTINGS: Final = tuple(EnvironmentSettings.model_fields)
_INNER: Final = {
    "backup": tuple(BackupSettings.model_fields),
    "deploy": tuple(DeploySettings.model_fields),
    "follow": tuple(FollowSettings.model_fields),
}
_ROOT: Final[TypeAdapter[str]] = TypeAdapter(PathText)
_ENOUGH: Final = {"http_port": 3444, "sse_port": 3445}
"""Stand-ins that are never claimed, for ports of an environment that lacks its own."""
_KINDS: Final = {
    "int_type": "a whole number",
    "bool_type": "true or false",
    "string_type": "a text in quotes",
    "list_type": "a list in square brackets",
    "model_type": "a table",
    "dict_type": "a table in braces",
}
"""Pydantic's names of type errors, in the words of TOML."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports given on the command line for one environment; they take the place of the declared ones."""

    http: int
    sse: int | None = None


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declaration without a fault."""

    file: str
    """For messages."""
    root: PurePosixPath
    environments: Mapping[str, Environment]
    """By name, in the order of the file."""
    declared: Mapping[str, frozenset[str]]
    """Which settings each environment's table has; the others are defaults."""

    def environment(self, name: str) -> Environment:
        """The environment of this name.

        Raises:
            UsageError: it is not declared; those that are are listed.
        """
        found = self.environments.get(name)
        if found is None:
            raise UsageError(
                f"{self.file} declares no environment {json.dumps(name)}{did_you_mean(name, self.environments)}.",
                f"It declares {', '.join(self.environments)}.",
                environment=name,
                declared=list(self.environments),
            )
        return found

    def claims(self) -> list[Claim]:
        """What the environments want for themselves."""
        return [
            claim
            for name, environment in self.environments.items()
            for claim in claims_of(environment, self.declared[name])
        ]


def parse_declaration(text: str, file: PurePosixPath, ports: Mapping[str, Ports] | None = None) -> Declaration:
    """Reads a declaration.

    Args:
        text: TOML.
        file: absolute path of the file that it is from; a relative ``root`` begins at its directory.
        ports: from the command line, by environment; judged by the same rules as declared ones.

    Raises:
        DeclarationError: with every fault, each with its path.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(str(file), [Fault("", f"not valid TOML: {error}")]) from None
    faults = _top_level_faults(document)
    root = _root(document, file, faults)
    tables = _tables(document, faults)
    _set_ports(tables, ports or {}, str(file))
    environments: dict[str, Environment] = {}
    claims: list[Claim] = []
    for name, table in tables.items():
        environment, wrong = _environment(name, table, root, faults)
        environments[name] = environment
        claims += claims_of(environment, table, wrong)
    faults += find_sharing(claims)
    if faults:
        raise DeclarationError(str(file), faults)
    declared = {name: frozenset(table) for name, table in tables.items()}
    return Declaration(str(file), root, environments, declared)


def _top_level_faults(document: Mapping[str, Any]) -> list[Fault]:
    faults = []
    for key, value in document.items():
        if key in _TOP_LEVEL:
            continue
        if isinstance(value, dict) and (key in PRESETS or set(value) & set(_SETTINGS)):
            faults.append(Fault(key, f'is not a setting; did you mean "environments.{key}"?'))
        elif key in _SETTINGS:
            faults.append(Fault(key, "belongs into the table of an environment"))
        else:
            faults.append(Fault(key, f"is not a setting{did_you_mean(key, _TOP_LEVEL)}"))
    return faults


def _root(document: Mapping[str, Any], file: PurePosixPath, faults: list[Fault]) -> PurePosixPath:
    try:
        return absolute(file.parent, _ROOT.validate_python(document.get("root", "."), strict=True))
    except ValidationError as error:
        faults += [Fault("root", _sentence(detail)) for detail in error.errors()]
        return absolute(file.parent, ".")


def _tables(document: Mapping[str, Any], faults: list[Fault]) -> dict[str, dict[str, Any]]:
    """The tables of the environments that have a name that can be used."""
    found = document.get("environments", {})
    if not isinstance(found, dict):
        faults.append(Fault("environments", "must be tables: [environments.production], for example"))
        return {}
    if not found:
        faults.append(Fault("environments", "declares none; [environments.production] alone is enough"))
    tables = {}
    for name, table in found.items():
        path = f"environments.{name}"
        if not isinstance(table, dict):
            faults.append(Fault(path, f"must be a table: [{path}]"))
        elif not is_environment_name(name):
            path = f"environments.{json.dumps(name)}"
            allowed = f"small letters, digits and single dashes, beginning with a letter, at most {LONGEST_NAME}"
            faults.append(Fault(path, f"is not a name for an environment: {allowed}"))
        else:
            tables[name] = dict(table)
    return tables


def _set_ports(tables: Mapping[str, dict[str, Any]], ports: Mapping[str, Ports], file: str) -> None:
    for name, given in ports.items():
        if name not in tables:
            raise UsageError(
                f"A port is given for {json.dumps(name)}, which {file} does not declare{did_you_mean(name, tables)}.",
                f"It declares {', '.join(tables)}." if tables else "",
            )
        tables[name]["http_port"] = given.http
        if given.sse is not None:
            tables[name]["sse_port"] = given.sse


def _environment(
    name: str, table: Mapping[str, Any], root: PurePosixPath, faults: list[Fault]
) -> tuple[Environment, set[str]]:
    """The environment as far as its table is right, and the settings that are wrong in it.

    A table with one fault still claims what the rest of it says, so that one reading shows all faults.
    """
    path = f"environments.{name}"
    wrong: set[str] = set()
    try:
        settings = EnvironmentSettings.model_validate(table)
    except ValidationError as error:
        for detail in error.errors():
            wrong.add(str(detail["loc"][0]))
            faults.append(Fault(_path(path, detail["loc"]), _sentence(detail)))
        settings = EnvironmentSettings.model_validate({key: table[key] for key in table if key not in wrong})
    if name not in PRESETS:
        needed = ["http_port", *(["sse_port"] if "sse" in settings.protocols else [])]
        for port in needed:
            if getattr(settings, port) is None and port not in wrong:
                wrong.add(port)
                known = ", ".join(PRESETS)
                faults.append(Fault(f"{path}.{port}", f"is missing; only {known} have ports of their own"))
        settings = settings.model_copy(update={port: _ENOUGH[port] for port in wrong & set(_ENOUGH)})
    found = (*find_service_faults(settings), *find_database_faults(settings, wrong))
    faults += [Fault(f"{path}.{setting}", text) for setting, text in found]
    made = make_environment(name, settings, root)
    if made.auth == "open" and not is_loopback(made.listen):
        wrong.add("listen")
        faults.append(
            Fault(
                f"{path}.listen",
                f"{made.listen} would open an environment without authentication to the network; say auth = "
                '"tokens", or listen on 127.0.0.1',
            )
        )
    if made.auth == "open" and made.proxy is not None:
        wrong.add("proxy")
        faults.append(Fault(f"{path}.proxy", 'would open the environment to the network; say auth = "tokens"'))
    if made.oauth_host is not None and made.oauth_host in made.allowed_hosts:
        wrong.add("oauth_host")
        text = "stands in allowed_hosts too; clients with tokens would lose them there, take another name"
        faults.append(Fault(f"{path}.oauth_host", text))
    elif made.oauth_host is not None and made.auth == "open":
        wrong.add("oauth_host")
        faults.append(Fault(f"{path}.oauth_host", 'would open the environment to the network; say auth = "tokens"'))
    return made, wrong


def _path(base: str, location: tuple[int | str, ...]) -> str:
    return base + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)


def _sentence(detail: ErrorDetails) -> str:
    """Pydantic's finding in the words of a person who edits a TOML file."""
    value = json.dumps(detail["input"], default=str)
    match detail["type"]:
        case "value_error":
            return str(detail["ctx"]["error"])
        case "extra_forbidden":
            known = _INNER.get(str(detail["loc"][0]), _SETTINGS) if len(detail["loc"]) > 1 else _SETTINGS
            return f"is not a setting{did_you_mean(str(detail['loc'][-1]), known)}"
        case "literal_error":
            return f"{value} is not {detail['ctx']['expected'].replace(chr(39), chr(34))}"
        case kind:
            return f"{value} is not {_KINDS.get(kind, detail['msg'])}"
