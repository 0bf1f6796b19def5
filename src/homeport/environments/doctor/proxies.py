"""nginx: whether a request that a client makes reaches the right server, with the right path, unbuffered.

nginx's own rules choose the location (the longest prefix, unless a regular expression fits), and its own rule maps the
path: ``proxy_pass`` with a path replaces what the location matched, without one it passes all on as it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from homeport.contract import ENVIRONMENT_HEADER
from homeport.environments.doctor.facts import HostFacts, LocationFact
from homeport.environments.doctor.finding import Finding, Kind
from homeport.environments.environment import Environment
from homeport.environments.machine.nginx import SNIPPETS
from homeport.environments.names import PRESETS

LONG_ENOUGH: Final = 60.0
"""Seconds that a stream may be silent: the server says something every 15."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request ends up."""

    location: LocationFact
    port: int | None
    path: str
    """As the server behind gets it."""


def route(locations: Sequence[LocationFact], name: str, path: str) -> Route | None:
    """What nginx does with a request for a path under one of its server names; None where no location fits."""
    mine = [one for one in locations if name in one.names]
    exact = next((one for one in mine if one.modifier == "=" and one.path == path), None)
    prefixes = [one for one in mine if one.modifier in ("", "^~") and path.startswith(one.path)]
    longest = max(prefixes, key=lambda one: len(one.path), default=None)
    chosen = exact
    if chosen is None and not (longest is not None and longest.modifier == "^~"):
        chosen = next((one for one in mine if one.modifier in ("~", "~*") and _fits(one, path)), None)
    chosen = chosen or longest
    if chosen is None:
        return None
    target = urlsplit(chosen.upstream)
    mapped = path
    if target.path and chosen.modifier in ("", "^~", "="):
        mapped = target.path + path[len(chosen.path) :]
    return Route(chosen, _port(chosen.upstream), mapped)


def find_proxy_faults(environments: Sequence[Environment], facts: HostFacts) -> Iterator[Finding]:
    """What is wrong with the way from the network to the servers."""
    if facts.proxy is None:
        return
    if facts.proxy.error:
        yield _refused(facts.proxy.error)
    for environment in environments:
        for name in _names(environment, facts.proxy.locations):
            yield from _way(environment, facts.proxy.locations, name)


def public_path(environment: Environment) -> str:
    """Where the network finds an environment's MCP endpoint; where no proxy is declared, where it would by default."""
    preset = PRESETS.get(environment.name)
    default = preset.proxy_path if preset is not None else f"/{environment.name}"
    return f"/mcp{environment.proxy.path if environment.proxy is not None else default}"


def _names(environment: Environment, locations: Sequence[LocationFact]) -> list[str]:
    """The server names under which nginx leads to an environment, or is declared to."""
    leading = {name for one in locations if _port(one.upstream) in environment.ports.values() for name in one.names}
    return sorted(leading)


def _way(environment: Environment, locations: Sequence[LocationFact], name: str) -> Iterator[Finding]:
    public = public_path(environment)
    found = route(locations, name, public)
    if found is None or found.port != environment.http_port:
        yield _misled(environment, name, public, found)
        return
    if found.path.rstrip("/") != "/mcp" and not environment.is_foreign:
        yield _finding(
            environment,
            "proxy-path-lost",
            f"nginx passes {public} of {name} on as {found.path}, which {environment.name} does not know.",
            found,
            "Every call there is answered with 404.",
        )
    if ENVIRONMENT_HEADER.lower() not in found.location.headers and environment.is_foreign:
        yield _finding(
            environment,
            "proxy-lacks-header",
            f"Answers of {name}{public} do not say which environment they are from.",
            found,
            "A development connection can be taken for production.",
        )
    slow = []
    if found.location.buffering:
        slow.append("buffers streams")
    if found.location.read_timeout < LONG_ENOUGH:
        slow.append(f"ends a stream that is silent for {found.location.read_timeout:.0f} s")
    if found.location.http_version == "1.0":
        slow.append("speaks HTTP/1.0 to the server")
    if slow:
        yield _finding(
            environment,
            "proxy-breaks-streams",
            f"nginx {', '.join(slow)} at {public} of {name}.",
            found,
            "Agents that wait are told late or are cut off.",
        )


def _misled(environment: Environment, name: str, public: str, found: Route | None) -> Finding:
    where = "nowhere" if found is None else f"to {found.location.upstream}"
    return Finding(
        kind="proxy-misroutes",
        environment=environment.name,
        severity="critical",
        sentence=f"nginx leads {public} of {name} {where}, not to {environment.name} on port {environment.http_port}.",
        evidence=() if found is None else (_shown(found.location),),
        consequence=f"Clients of {environment.name} talk to somebody else, or to nobody.",
        mend=_mend(environment, found),
    )


def _finding(environment: Environment, kind: Kind, sentence: str, found: Route, consequence: str) -> Finding:
    return Finding(
        kind=kind,
        environment=environment.name,
        severity="critical" if kind == "proxy-path-lost" else "warning",
        sentence=sentence,
        evidence=(_shown(found.location),),
        consequence=consequence,
        mend=_mend(environment, found),
    )


def _mend(environment: Environment, found: Route | None) -> str:
    """What is provision's to write, it writes again; what is somebody's own stays theirs to mend."""
    if found is None or found.location.file.is_relative_to(SNIPPETS):
        return f"homeport provision {environment.name} --overwrite-drift"
    return f"mend line {found.location.line} of {found.location.file}, then nginx -s reload"


def _refused(error: str) -> Finding:
    return Finding(
        kind="proxy-invalid",
        environment=None,
        severity="critical",
        sentence="nginx refuses its own configuration.",
        evidence=(error,),
        consequence="It runs on by the old one, and does not come back after a restart: every site of it is then gone.",
        mend="nginx -t",
    )


def _shown(location: LocationFact) -> str:
    modifier = f"{location.modifier} " if location.modifier else ""
    at = f"{location.file}, line {location.line}"
    return f"{at}: location {modifier}{location.path} {{ proxy_pass {location.upstream}; }}"


def _fits(location: LocationFact, path: str) -> bool:
    try:
        return re.search(location.path, path, re.IGNORECASE if location.modifier == "~*" else 0) is not None
    except re.error:
        # A pattern in a dialect of PCRE that Python does not have; nginx knows, this does not.
        return False


def _port(upstream: str) -> int | None:
    try:
        parts = urlsplit(upstream)
        return parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
