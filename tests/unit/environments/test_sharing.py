"""No two environments ever share anything, whatever a declaration says."""

from __future__ import annotations

import json
import posixpath
from itertools import combinations
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from homeport.environments.declaration import Declaration, parse_declaration
from homeport.environments.environment import Environment
from homeport.environments.faults import DeclarationError, Fault
from homeport.environments.sharing import overlap

FILE = PurePosixPath("/srv/homeport.toml")
NAMES = ("production", "development", "local", "staging", "production-backups")

# Few values and short paths, so that collisions are as frequent as declarations without one.
ports = st.integers(3442, 3452)
paths = st.lists(st.sampled_from(["a", "b", "data", "..", ".", "production", "local"]), min_size=1, max_size=4).flatmap(
    lambda parts: st.sampled_from(["/".join(parts), "/srv/" + "/".join(parts), "//" + "/".join(parts) + "/"])
)
tables = st.fixed_dictionaries(
    {},
    optional={
        "http_port": ports,
        "sse_port": ports,
        "directory": paths,
        "data": paths,
        "backups": paths,
        "unit": st.sampled_from(["homeport-production", "homeport-local", "u"]),
        "protocols": st.sampled_from([["http"], ["sse"], ["http", "sse"]]),
    },
)
declarations = st.dictionaries(st.sampled_from(NAMES), tables, min_size=1, max_size=4)


def as_toml(declared: dict[str, dict[str, object]]) -> str:
    lines = []
    for name, table in declared.items():
        lines.append(f"[environments.{name}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    return "\n".join(lines)


def read(text: str) -> tuple[Declaration | None, tuple[Fault, ...]]:
    try:
        return parse_declaration(text, FILE), ()
    except DeclarationError as error:
        return None, error.faults


def directories(environment: Environment) -> list[PurePosixPath]:
    found = (environment.directory, environment.data_directory, environment.backups_directory)
    # Normalised once more, so that the rule's own idea of a path is not what it is judged by.
    return [PurePosixPath("/" + posixpath.normpath(path).lstrip("/")) for path in found]


def shares(one: Environment, other: Environment) -> bool:
    return (
        bool(set(one.ports.values()) & set(other.ports.values()))
        or one.unit == other.unit
        or any(overlap(mine, theirs) for mine in directories(one) for theirs in directories(other))
    )


@given(declarations)
@example({"production": {}, "development": {}, "local": {}})
@example({"production": {}, "production-backups": {"http_port": 4000, "sse_port": 4001}})
@example({"local": {"data": "x/../production/data"}, "production": {}})
def test_what_is_accepted_shares_no_port_directory_or_unit(declared: dict[str, dict[str, object]]) -> None:
    found, faults = read(as_toml(declared))
    if found is None:
        assert faults
        assert all(fault.path for fault in faults)
        return
    environments = list(found.environments.values())
    assert len(environments) == len(declared)
    for one, other in combinations(environments, 2):
        assert not shares(one, other)
        assert {one.service_unit, one.socket_unit}.isdisjoint({other.service_unit, other.socket_unit})
        assert one.client_name != other.client_name
    for environment in environments:
        assert not overlap(environment.data_directory, environment.backups_directory)
        assert len(set(environment.ports.values())) == len(environment.ports)


@given(st.sampled_from(NAMES[:3]), st.sampled_from(NAMES[:3]), st.sampled_from(["http_port", "sse_port"]), st.data())
def test_taking_any_port_of_another_is_always_refused(one: str, other: str, setting: str, data: st.DataObject) -> None:
    taken = parse_declaration(f"[environments.{other}]\n", FILE).environment(other)
    port = data.draw(st.sampled_from(sorted(taken.ports.values())))
    if one == other:
        return
    _, faults = read(as_toml({one: {setting: port}, other: {}}))
    assert f"environments.{one}.{setting}" in {fault.path for fault in faults}


@given(paths, paths)
def test_overlap_is_the_same_seen_from_either_side(one: str, other: str) -> None:
    left, right = PurePosixPath("/", one), PurePosixPath("/", other)
    assert overlap(left, right) == overlap(right, left)
    assert overlap(left, left / "x")


def test_two_environments_cannot_sign_in_under_one_host_name() -> None:
    text = as_toml(
        {
            "production": {"oauth_host": "agents.example.org"},
            "development": {"oauth_host": "agents.example.org", "auth": "tokens"},
        }
    )
    _, faults = read(text)
    assert list(map(str, faults)) == ["environments.development.oauth_host: agents.example.org is production's"]


def test_two_environments_do_not_copy_their_backups_to_one_place() -> None:
    text = "".join(f'[environments.{name}.backup]\nplaces = ["s3://bucket/prefix"]\n' for name in NAMES[:2])
    _, (fault,) = read(text)
    assert fault.path == "environments.development.backup.places[0]"
    assert "s3://bucket/prefix is production's" in fault.text


def test_a_place_for_copies_is_another_than_the_backups_themselves() -> None:
    _, (fault,) = read('[environments.production.backup]\nplaces = ["/srv/production-backups"]\n')
    assert fault.path == "environments.production.backup.places[0]"
    assert "its own backups" in fault.text


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("/srv/production/data", "lies in its own data"),
        ("/srv/production-backups", "lies in its own backups"),
        ("/srv/development", "lies in development's directory"),
    ],
)
def test_a_replica_lies_in_nobodys_data_or_backups(place: str, said: str) -> None:
    text = f"[environments.production.backup]\ncontinuous = '{place}'\n[environments.development]\n"
    with pytest.raises(DeclarationError) as refused:
        parse_declaration(text, FILE)
    (fault,) = refused.value.faults
    assert (fault.path, said in fault.text) == ("environments.production.backup.continuous", True), fault


def test_two_environments_may_keep_their_replicas_below_one_directory() -> None:
    table = "[environments.{0}]\n[environments.{0}.backup]\ncontinuous = '/mnt/replicas'\n"
    found = parse_declaration(table.format("production") + table.format("development"), FILE)
    assert [str(one.replica_directory) for one in found.environments.values()] == [
        "/mnt/replicas/production",
        "/mnt/replicas/development",
    ]
