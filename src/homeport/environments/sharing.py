"""No two environments share a port, directory, unit, checkout or host name: the rule, over what each claims.

The rule is over claims and not over :class:`Environment`, so that it also judges what the rest of a faulty
declaration says, and paths after symbolic links were followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import PurePosixPath

from homeport.environments.database import database_place
from homeport.environments.environment import Environment
from homeport.environments.faults import Fault
from homeport.environments.names import BESIDE

_PLACES = "backup.places"
_ALONE = ({"unit"}, {"oauth_host"}, {"checkout"}, {"proxy_path"}, {"database"})
"""What one has, no other may have."""
_REPLICA = "backup.continuous"
_DIRECTORIES = ("directory", "data", "backups", _REPLICA)
_INSIDE = ("releases", "logs", "journal")
"""Directories that follow from ``directory`` alone."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One environment wants one thing for itself."""

    environment: str
    setting: str
    value: int | str | PurePosixPath
    declared: bool
    """Whether its table says so; else it is a default, and the other's declaration is to blame."""

    @property
    def path(self) -> str:
        return f"environments.{self.environment}.{self.setting}"


def claims_of(environment: Environment, declared: Iterable[str], unusable: Iterable[str] = ()) -> list[Claim]:
    """What an environment wants for itself.

    Args:
        environment: whose.
        declared: the settings that its table has.
        unusable: the settings that its table has wrong, so that nothing is claimed by them.
    """
    given, wrong = set(declared), set(unusable)
    values: dict[str, int | str | PurePosixPath] = {
        **environment.ports,
        **({} if environment.oauth_host is None else {"oauth_host": environment.oauth_host}),
        **({} if environment.service.checkout is None else {"checkout": environment.service.checkout}),
        **({} if environment.database is None else {"database": database_place(environment.database)}),
        **({} if environment.proxy is None else {"proxy_path": environment.proxy.place}),
        "unit": environment.unit,
        "directory": environment.directory,
        "data": environment.data_directory,
        "backups": environment.backups_directory,
        "releases": environment.releases_directory,
        "logs": environment.logs_directory,
        "journal": environment.journal_directory,
        **({} if environment.replica_directory is None else {_REPLICA: environment.replica_directory}),
        **{f"{_PLACES}[{number}]": place for number, place in enumerate(environment.backup.places)},
    }
    if "directory" in wrong:
        wrong |= {"data", *_INSIDE}
    return [
        Claim(environment.name, setting, value, setting in given or setting == _REPLICA)
        for setting, value in values.items()
        if setting not in wrong
    ]


def find_sharing(claims: Sequence[Claim]) -> list[Fault]:
    """Every thing that two claim, as a fault of the one who declared it (or of the later one)."""
    names = list(dict.fromkeys(claim.environment for claim in claims))
    by_name = {name: [claim for claim in claims if claim.environment == name] for name in names}
    faults = []
    for name in names:
        faults += _within(by_name[name])
    for one, other in combinations(names, 2):
        faults += _between(by_name[one], by_name[other])
    return faults


def follow_links(claims: Iterable[Claim], resolve: Callable[[PurePosixPath], PurePosixPath]) -> list[Claim]:
    """The same claims with real paths, for a second look at what links may have joined."""
    return [
        replace(claim, value=resolve(claim.value)) if isinstance(claim.value, PurePosixPath) else claim
        for claim in claims
    ]


def overlap(one: PurePosixPath, other: PurePosixPath) -> bool:
    """Whether two normalised paths are the same or one lies in the other."""
    return one.is_relative_to(other) or other.is_relative_to(one)


def _within(claims: Sequence[Claim]) -> list[Fault]:
    """One environment's own ports and directories must not get into each other's way either."""
    found = {claim.setting: claim for claim in claims}
    faults = []
    http, sse = found.get("http_port"), found.get("sse_port")
    if http and sse and http.value == sse.value:
        faults.append(Fault(sse.path, f"{sse.value} is its http_port too"))
    inner = [found[name] for name in ("data", "backups", *_INSIDE, _REPLICA) if name in found]
    nested: dict[str, Fault] = {}
    for one, other in combinations(inner, 2):
        if one.setting not in _INSIDE and _overlap(one, other):
            blamed, reason = (other, one) if other.declared else (one, other)
            nested.setdefault(blamed.path, Fault(blamed.path, _nesting(blamed, reason, f"its own {reason.setting}")))
    shelf = found.get("backups")
    faults += [
        Fault(claim.path, f"{claim.value} is its own backups, where every backup lies in any case")
        for claim in claims
        if claim.setting.startswith(f"{_PLACES}[") and shelf is not None and claim.value == str(shelf.value)
    ]
    return [*faults, *nested.values()]


def _between(one: Sequence[Claim], other: Sequence[Claim]) -> list[Fault]:
    faults = []
    for mine in one:
        for theirs in other:
            both = {mine.setting, theirs.setting}
            same = mine.value == theirs.value
            places = all(setting.startswith(f"{_PLACES}[") for setting in both)
            if same and (both <= {"http_port", "sse_port"} or both in _ALONE or places):
                blamed, reason = _blame(mine, theirs)
                what = f"{reason.environment}'s" + ("" if mine.setting == theirs.setting else f" {reason.setting}")
                faults.append(Fault(blamed.path, f"{blamed.value} is {what}"))
            elif both == {"unit"} and _stands_beside(str(mine.value), str(theirs.value)):
                blamed, reason = _blame(mine, theirs)
                text = f"{blamed.value} and {reason.environment}'s {reason.value} would have a unit of one name"
                faults.append(Fault(blamed.path, text))
    return faults + _shared_directories(one, other)


def _stands_beside(one: str, other: str) -> bool:
    """Whether the one is the name of a unit that the other has beside its server."""
    return any(one == f"{other}-{name}" or other == f"{one}-{name}" for name in BESIDE)


def _shared_directories(one: Sequence[Claim], other: Sequence[Claim]) -> list[Fault]:
    pairs = [
        _blame(mine, theirs)
        for mine in one
        for theirs in other
        if mine.setting in _DIRECTORIES and theirs.setting in _DIRECTORIES and _overlap(mine, theirs)
    ]
    # Two directories that are the same share all that lies in them: the pairs of one kind say it best.
    alike = [pair for pair in pairs if pair[0].setting == pair[1].setting]
    return [
        Fault(blamed.path, _nesting(blamed, reason, f"{reason.environment}'s {reason.setting}"))
        for blamed, reason in alike or pairs
    ]


def _overlap(one: Claim, other: Claim) -> bool:
    mine, theirs = one.value, other.value
    return isinstance(mine, PurePosixPath) and isinstance(theirs, PurePosixPath) and overlap(mine, theirs)


def _blame(earlier: Claim, later: Claim) -> tuple[Claim, Claim]:
    """The claim to change, and the one it must give way to."""
    return (earlier, later) if earlier.declared and not later.declared else (later, earlier)


def _nesting(blamed: Claim, reason: Claim, whose: str) -> str:
    if blamed.value == reason.value:
        return f"{blamed.value} is {whose}"
    inside = str(blamed.value).startswith(f"{str(reason.value).rstrip('/')}/")
    return f"{blamed.value} {'lies in' if inside else 'contains'} {whose} ({reason.value})"
