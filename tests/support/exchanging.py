"""Environments whose data are restored, drilled and synced, with all that carries it out, in this process."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Final

from pysqlite3 import dbapi2

from homeport import server
from homeport.cli.hands import others_of
from homeport.contract import APPLICATION, DATABASE_FILE, LOCK_FILE, DatabaseAddress, DataFacts, Scrub
from homeport.contract.losses import DataLoss
from homeport.environments.backups.database_steps import (
    ConvertData,
    DropDatabase,
    ExchangeDatabase,
    OwnScratches,
    ReturnDatabase,
    SweepScratches,
)
from homeport.environments.backups.plans import Target
from homeport.environments.declaration import Declaration, parse_declaration
from homeport.environments.environment import Environment
from homeport.environments.plan import Plan
from homeport.environments.steps import Step
from homeport.errors import HomeportError
from homeport.host.backups.creating import Surroundings
from homeport.host.backups.databases import Exchanger, ScratchOwner
from homeport.host.backups.hands import data_hands
from homeport.host.backups.target import look_at_target
from homeport.host.carrying import Carrier, all_hands
from homeport.host.data.foreign_seam import ForeignData
from homeport.host.data.seam import DataDescription
from homeport.host.hands import Hands
from homeport.host.hands.files import FILE_HANDS
from homeport.host.hands.scratch import SCRATCH_HANDS
from homeport.host.hands.services import service_hands
from homeport.host.journal import Journal
from homeport.host.others import others_hands
from homeport.host.services.processes import ProcessManager
from homeport.server import databases

DATABASE_STEPS: Final = (ExchangeDatabase, ReturnDatabase, DropDatabase)


class InProcess:
    """The seam over Homeport's own store without a program in between: for tests that go through it a hundred times.

    Args:
        environment: whose data.
        databases: of each environment that keeps its data in one.
    """

    def __init__(
        self, environment: str, databases: Mapping[str, DatabaseAddress | None] = MappingProxyType({})
    ) -> None:
        self._environment = environment
        self._databases = databases
        self._database = databases.get(environment)

    def snapshot(self, source: Path, into: Path) -> DataDescription:
        return _described(server.take_snapshot(source, self._environment, into, self._database)["facts"])

    def examine(self, directory: Path, *, deep: bool = True) -> DataDescription:
        return _described(server.data_facts(directory, deep=deep, database=self._database))

    def ready(self, directory: Path) -> DataDescription:
        return _described(databases.load_into(directory, self._environment, self._database))

    def tidy(self) -> None:
        if self._database is not None:
            databases.sweep(self._database)

    def lost_after(self, source: Path, description: DataDescription) -> DataLoss | None:
        position = description.position or 0
        return server.lost_after(source, self._environment, position, database=self._database)

    def prepare(self, directory: Path, origin: str, scrub: Scrub) -> None:
        server.prepare_snapshot(directory, self._environment, origin, scrub, self._databases.get(origin))
        if problems := self.ready(directory).problems:
            raise HomeportError(problems[0])


class DatabasesInProcess:
    """The hands that exchange databases, likewise.

    Args:
        database: the environment's.
    """

    def __init__(self, database: DatabaseAddress) -> None:
        self._database = database

    def inverse(self, step: Step) -> tuple[Step, ...]:
        return Exchanger(()).inverse(step) if isinstance(step, ExchangeDatabase) else ()

    def apply(self, step: Step) -> None:
        match step:
            case ExchangeDatabase():
                paths = (Path(step.data), Path(step.incoming))
                databases.exchange(self._database, step.environment, *paths, step.label, onto_empty=step.onto_empty)
            case ReturnDatabase():
                paths = (Path(step.data), Path(step.incoming))
                databases.put_back(self._database, step.environment, *paths, Path(step.served), step.label)
            case DropDatabase():
                databases.drop_kept(self._database, step.label)


class MovesInProcess:
    """The hands that bring data into a database or out of it, likewise.

    Args:
        declared: the database of each environment.
    """

    def __init__(self, declared: Mapping[str, DatabaseAddress | None]) -> None:
        self._declared = declared

    def inverse(self, step: Step) -> tuple[Step, ...]:
        return ScratchOwner().inverse(step) if isinstance(step, OwnScratches) else ()

    def apply(self, step: Step) -> Mapping[str, Any] | None:
        match step:
            case ConvertData():
                target = None if step.url is None else DatabaseAddress(step.url, step.password_file)
                return {"converted": databases.convert(Path(step.work) / "data", step.environment, target=target)}
            case SweepScratches():
                beside = self._declared[step.environment] if step.url is None else DatabaseAddress(step.url)
                assert beside is not None
                databases.sweep(beside)
        return None


def _described(facts: DataFacts) -> DataDescription:
    return DataDescription(
        application="homeport" if facts["application"] in (APPLICATION, None) else "foreign",
        identity=facts["identity"],
        schema_version=facts["schema_version"],
        counts=facts["counts"],
        position=facts["position"],
        problems=tuple(problem["text"] for problem in facts["problems"]),
        too_new=any(problem["code"] == "newer_schema" for problem in facts["problems"]),
    )


@dataclass(frozen=True)
class Yard:
    """A declaration with its directories, and what works on them."""

    declaration: Declaration

    def environment(self, name: str) -> Environment:
        return self.declaration.environment(name)

    def data(self, name: str) -> Path:
        """The data directory."""
        return Path(self.environment(name).data_directory)

    def around(self, name: str) -> Surroundings:
        """What backups of an environment are made with."""
        environment = self.environment(name)
        own = InProcess(name, {one.name: one.database for one in self.declaration.environments.values()})
        return Surroundings(environment, ForeignData(name) if environment.is_foreign else own)

    @property
    def manager(self) -> ProcessManager:
        """Who runs the servers."""
        return ProcessManager(PurePosixPath(self.declaration.file), PurePosixPath(sys.executable), grace=5)

    def hands(self, name: str) -> Hands:
        """For all that is done to an environment's data."""
        services = service_hands(self.declaration.environments, lambda _: self.manager, lambda _: False)
        database = self.environment(name).database
        exchanging = {} if database is None else dict.fromkeys(DATABASE_STEPS, DatabasesInProcess(database))
        own = self.environment(name)
        others = others_hands(own, lambda: others_of(own), lambda release: (release,))
        saving = data_hands(self.around(name), self.around)
        declared = {one.name: one.database for one in self.declaration.environments.values()}
        moving = dict.fromkeys((ConvertData, OwnScratches, SweepScratches), MovesInProcess(declared))
        return all_hands(FILE_HANDS, SCRATCH_HANDS, services, saving, exchanging, others, moving)

    def journal(self, name: str) -> Journal:
        return Journal(Path(self.environment(name).journal_directory))

    def target(self, name: str, stamp: str = "20261002T070000Z") -> Target:
        """What a restore or a sync would exchange."""
        return look_at_target(self.around(name), self.manager, stamp)

    def carry_out(self, plan: Plan) -> None:
        Carrier(self.journal(plan.environment), self.hands(plan.environment)).carry_out(plan)

    def heal(self, name: str) -> None:
        """What the next run of any command begins with."""
        Carrier(self.journal(name), self.hands(name)).heal()


def yard(directory: Path, text: str) -> Yard:
    """Writes a declaration and makes the directories."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "homeport.toml"
    file.write_text(text)
    declaration = parse_declaration(text, PurePosixPath(file))
    for environment in declaration.environments.values():
        for path in environment.directories:
            Path(path).mkdir(parents=True, exist_ok=True)
    return Yard(declaration)


def with_places(around: Surroundings, places: Sequence[Path]) -> Surroundings:
    """The same with other places for copies."""
    policy = around.environment.backup.model_copy(update={"places": [str(place) for place in places]})
    return replace(around, environment=replace(around.environment, backup=policy))


def content(directory: Path) -> object:
    """All that a data directory holds, equal for two that hold the same, whatever their pages look like."""
    found: dict[str, object] = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if not path.is_file() or name == LOCK_FILE or name.startswith(f"{DATABASE_FILE}-"):
            continue
        found[name] = _rows(path) if name == DATABASE_FILE else path.read_bytes()
    return found


def _rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    database = dbapi2.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        names = [
            name
            for (name, sql) in database.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name"
            )
            if "VIRTUAL" not in sql and not name.startswith("search")
        ]
        return {
            name: sorted(database.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)  # noqa: S608
            for name in names
        }
    finally:
        database.close()
