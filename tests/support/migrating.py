"""An environment whose release has a migration that its data lack, and the commands for it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

import httpx2
import pytest

from homeport import server
from homeport.contract import DatabaseAddress
from homeport.environments.environment import Environment
from homeport.environments.releases.release import Release
from homeport.host.declaration_file import read_declaration
from homeport.host.journal import Journal, Operation
from homeport.host.releases.current import python_of
from homeport.host.releases.shelf import ReleaseShelf
from homeport.host.services.awaiting import await_health
from homeport.host.services.processes import ProcessManager
from tests.support.command_line import CommandLine
from tests.support.later import later_release
from tests.support.ports import free_ports

SAMPLE: Final = Path(__file__).parents[1] / "data" / "json-v1"
RELEASE: Final = "20261002T061500Z-1a2b3c4"


class Dock(CommandLine):
    """Production with the earlier server's data, which this release wrote, and served by a later one.

    Args:
        directory: for all of it.
        capsys: catches what commands say.
        text: of the migration that the release has more than this one.
        database: where the data are; None for a file.
    """

    def __init__(
        self,
        directory: Path,
        capsys: pytest.CaptureFixture[str],
        text: str | None = None,
        database: DatabaseAddress | None = None,
    ) -> None:
        super().__init__(directory / "homeport.toml", capsys)
        self.directory = directory
        port, sse = free_ports(2)
        self.file.write_text(
            f"[environments.production]\nhttp_port = {port}\nsse_port = {sse}\nservice = 'processes'\nauth = 'open'\n"
            + ("" if database is None else f"database = '{database.url}'\n")
        )
        for path in self.environment.directories:
            Path(path).mkdir(parents=True, exist_ok=True)
        server.import_json_v1(self.data, "production", SAMPLE, database=database)
        self.release(text)

    @property
    def environment(self) -> Environment:
        return read_declaration(self.file, {}).environment("production")

    @property
    def data(self) -> Path:
        return self.directory / "production" / "data"

    def release(self, text: str | None = None) -> Sequence[str]:
        """Has the environment served by a release with this migration; what runs its ``homeport``."""
        place = self.directory / "production" / "releases" / RELEASE
        place.parent.mkdir(exist_ok=True)
        program = later_release(place, text)
        link = self.directory / "production" / "current"
        link.unlink(missing_ok=True)
        link.symlink_to(place)
        return program

    def shelved(self, release: str, text: str | None = None) -> str:
        """A release on the shelf, as one that was built: of this source, or with this migration more; its id."""
        later_release(self.directory / "production" / "releases" / release, text)
        ReleaseShelf(self.directory / "production" / "releases").write(
            Release(
                id=release,
                environment="production",
                commit=release[-7:] + "0" * 33,
                source="/source",
                created="2026-10-02T06:15:00+00:00",
                by="ada",
            )
        )
        return release

    def serve(self, release: str) -> None:
        """Has a release of the shelf serve, healthy."""
        link = self.directory / "production" / "current"
        link.unlink(missing_ok=True)
        link.symlink_to(self.directory / "production" / "releases" / release)
        self.manager.start(self.environment)
        await_health(self.manager, self.environment, 60)

    def leave(self) -> None:
        """Has the environment served by this very release."""
        (self.directory / "production" / "current").unlink()

    def json(self, *words: str, code: int = 0) -> Any:
        """Its answer, or its error."""
        told = super().json(*words, code=code)
        return told if code in (0, 4) else told["error"]

    @property
    def manager(self) -> ProcessManager:
        return ProcessManager(PurePosixPath(self.file), python_of(self.environment), grace=20)

    def start(self) -> None:
        """Its server, healthy; it is of this release, which knows nothing of the migration."""
        self.leave()
        self.manager.start(self.environment)
        await_health(self.manager, self.environment, 60)

    def stop(self) -> None:
        self.manager.stop(self.environment)

    def health(self) -> Any:
        return httpx2.get(self.environment.health_url, timeout=30).json()

    def projects(self) -> list[str]:
        """The names that the server tells."""
        answer = httpx2.get(f"{self.environment.http_url}/api/v1/projects", timeout=30).json()
        return sorted(one["name"] for one in answer["projects"])

    def operations(self) -> list[Operation]:
        return Journal(Path(self.environment.journal_directory)).operations()

    def beside(self) -> list[str]:
        """What lies beside the data."""
        return sorted(path.name for path in self.data.parent.glob("data?*"))

    def moved(self, directory: Path) -> None:
        """Has the data lie elsewhere, as on a disk of their own."""
        shutil.move(self.data, directory / "data")
        self.file.write_text(self.file.read_text() + f'data = "{directory / "data"}"\n')
