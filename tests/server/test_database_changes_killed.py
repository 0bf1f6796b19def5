"""Changes of release on a database, killed where data are kept aside, migrated, and taken back by a rollback.

The release before cannot live with the migration. One of the two serves its own data each time.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial, wraps
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from homeport import server
from homeport.cli import main
from homeport.contract import DatabaseAddress
from homeport.contract.database import ADDRESS_FILE
from homeport.host.releases import aside, handing_over
from homeport.host.services.hold import Hold
from homeport.storage.migrations.revisions import HEAD
from homeport.whereabouts import read_whereabouts
from tests.support.dying import Point, killed_at
from tests.support.later import LATER, migration
from tests.support.migrating import Dock
from tests.support.postgres import Cluster
from tests.support.release_changes import NEW, OLD, send, served

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.timeout(900)]
STRIDES = pytest.mark.parametrize("stride", [12, pytest.param(1, marks=[pytest.mark.soak, pytest.mark.timeout(0)])])
"""One point of each way, where data were migrated or exchanged; all of them with ``make soak``."""
FORWARD: Final = ("rollback", "production", "--to", NEW)
BACK: Final = ("rollback", "production", "--to", OLD, "--lose")
QUICK: Final = ("--watch", "0.1", "--wait", "60", "--yes")


@pytest.fixture
def dock(tmp_path: Path, capsys: pytest.CaptureFixture[str], address: DatabaseAddress) -> Iterator[Dock]:
    """Production on a database, served by a release, and another of a later schema on the shelf."""
    one = Dock(tmp_path, capsys, database=address)
    for release, text in ((OLD, ""), (NEW, migration())):
        one.shelved(release, text)
    one.serve(OLD)
    yield one
    one.stop()


def change(dock: Dock, words: Sequence[str], point: Point) -> None:
    """The command itself, in a process that is killed soon or ends; what it does to data is between two points."""
    for place, name in (
        *((handing_over, one) for one in ("keep_aside", "migrate_live", "exchange_databases", "put_back")),
        *((aside, "exchange_databases"), (Hold, "allow"), (handing_over.HandOverer, "apply")),
    ):
        setattr(place, name, _counted(getattr(place, name), point))
    setattr(Path, "rename", _counted(Path.rename, point, only="data"))  # noqa: B010 - as above
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    assert main(["--config", str(dock.file), "--json", *words, *QUICK]) == 0


def _counted(function: Callable[..., Any], point: Point, only: str = "") -> Callable[..., Any]:
    @wraps(function)
    def run(*arguments: Any, **named: Any) -> Any:
        counts = not only or arguments[0].name.startswith(only)
        if counts:
            point()
        result = function(*arguments, **named)
        if counts:
            point()
        return result

    return run


def is_whole(dock: Dock, cluster: Cluster, address: DatabaseAddress, stored: int) -> str:
    """Which release serves, on its own data with all that was stored; every database beside belongs to a directory."""
    dock.run("settle", "production")
    assert not [one for one in dock.operations() if one.is_open]
    release, schema = served(dock)
    assert (release, schema) in ((OLD, HEAD), (NEW, LATER))
    assert server.data_facts(dock.data, database=address)["counts"]["messages"] == stored
    assert read_whereabouts(dock.data) == address.url
    named = "".join(path.read_text() for path in dock.data.parent.glob(f"data?*/{ADDRESS_FILE}"))
    assert [name for name in cluster.beside(address) if name not in named] == []
    return release


@STRIDES
def test_killed_where_data_are_migrated_and_taken_back_one_release_serves_its_own(
    dock: Dock, postgres: Cluster, address: DatabaseAddress, stride: int
) -> None:
    stored = server.data_facts(dock.data, database=address)["counts"]["messages"]
    found = Counter[str]()
    for words, before, after in ((FORWARD, OLD, NEW), (BACK, NEW, OLD)):
        for number in count(stride // 2, stride):
            send(dock, f"{before} {number}")
            stored += 1
            if not killed_at(number, partial(change, dock, words)):
                break
            serves = is_whole(dock, postgres, address, stored)
            found[f"{before}: {serves}"] += 1
            # Nothing of it was in effect yet.
            assert serves == before
        if words == FORWARD:
            assert is_whole(dock, postgres, address, stored) == after
    assert served(dock) == (OLD, HEAD)
    print(dict(found))  # noqa: T201 - what the figures are for
    assert len(found) == 2
