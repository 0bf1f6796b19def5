"""nginx's configuration as nginx reads it: every file that it includes, with what a location inherits."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from homeport.environments.doctor.facts import LocationFact, ProxyFacts
from homeport.errors import HomeportError
from homeport.host.commands import run_command

_MODIFIERS: Final = ("=", "^~", "~", "~*")
_SPAN: Final = re.compile(r"(\d+)(ms|s|m|h|d|w|)")
_SECONDS: Final = {"ms": 0.001, "s": 1, "": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_ADDED: Final = ("add_header", "proxy_set_header")


@dataclass(frozen=True, slots=True)
class _Settings:
    """What a block hands on to those in it. A block that adds headers of its own inherits none of that kind."""

    added: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    buffering: bool = True
    http_version: str = "1.0"
    read_timeout: float = 60.0


def read_proxy() -> ProxyFacts | None:
    """The locations that pass requests on; None where nginx is not installed."""
    # nginx is not everywhere, and its grammar takes a while to load.
    import crossplane

    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/sbin")
    if program is None:
        return None
    try:
        judged = run_command((program, "-t"), seconds=30)
    except HomeportError as error:
        return ProxyFacts(error=str(error))
    # Without root nginx may not read keys or write its pid: that says nothing of the configuration.
    refused = [line for line in judged.errors.splitlines() if "[emerg]" in line and "Permission denied" not in line]
    file = _main_file(program)
    parsed = crossplane.parse(str(file), combine=True, catch_errors=True)
    locations: list[LocationFact] = []
    for config in parsed["config"]:
        locations += _locations(config["parsed"], (), _Settings())
    return ProxyFacts(error=" ".join(refused), locations=tuple(locations))


def _main_file(program: str) -> Path:
    told = run_command((program, "-V"), seconds=30)
    found = re.search(r"--conf-path=(\S+)", told.errors)
    return Path(found[1] if found else "/etc/nginx/nginx.conf")


def _locations(
    block: Sequence[Mapping[str, Any]], names: tuple[str, ...], inherited: _Settings
) -> Iterator[LocationFact]:
    settings = _settings_of(block, inherited)
    for directive in block:
        inner = directive.get("block")
        if inner is None:
            continue
        if directive["directive"] == "server":
            named = [name for one in inner if one["directive"] == "server_name" for name in one["args"]]
            yield from _locations(inner, tuple(named) or ("",), settings)
        elif directive["directive"] == "location":
            yield from _location(directive, names, settings)
            yield from _locations(inner, names, _settings_of(inner, settings))
        elif directive["directive"] == "http":
            yield from _locations(inner, names, settings)


def _location(directive: Mapping[str, Any], names: tuple[str, ...], inherited: _Settings) -> Iterator[LocationFact]:
    upstream = next((one["args"][0] for one in directive["block"] if one["directive"] == "proxy_pass"), None)
    if upstream is None:
        return
    settings = _settings_of(directive["block"], inherited)
    arguments = directive["args"]
    modifier = arguments[0] if arguments[0] in _MODIFIERS else ""
    yield LocationFact(
        file=PurePosixPath(directive["file"]),
        line=directive["line"],
        names=names,
        modifier=modifier,
        path=arguments[-1],
        upstream=upstream,
        headers={name: value for kind in settings.added.values() for name, value in kind.items()},
        buffering=settings.buffering,
        http_version=settings.http_version,
        read_timeout=settings.read_timeout,
    )


def _settings_of(block: Sequence[Mapping[str, Any]], inherited: _Settings) -> _Settings:
    own: dict[str, dict[str, str]] = {}
    found = inherited
    for directive in block:
        name, arguments = directive["directive"], directive["args"]
        if name in _ADDED and len(arguments) > 1:
            own.setdefault(name, {})[arguments[0].lower()] = arguments[1]
        elif name == "proxy_buffering":
            found = replace(found, buffering=arguments[0] != "off")
        elif name == "proxy_http_version":
            found = replace(found, http_version=arguments[0])
        elif name == "proxy_read_timeout":
            found = replace(found, read_timeout=_seconds(arguments[0]))
    return replace(found, added={**inherited.added, **own})


def _seconds(text: str) -> float:
    return float(sum(int(number) * _SECONDS[unit] for number, unit in _SPAN.findall(text)))
