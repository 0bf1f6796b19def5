"""Migrations of the data of a server that is not Homeport's: executable files that are run on a copy.

Each is called as ``FILE upgrade DIRECTORY`` and ``FILE verify DIRECTORY``, where the directory is the copy.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from homeport.contract import MIGRATIONS_FILE
from homeport.environments.environment import Environment
from homeport.environments.migrations.pending import Finding, Ran, Standing
from homeport.environments.migrations.scripts import Entry, migrations_among, parse_record, record_text
from homeport.errors import HomeportError, NeedsPersonError
from homeport.files import write_atomically
from homeport.host.archives.tree import remove_tree
from homeport.host.commands import Finished, run_command
from homeport.host.data.raw import copy_raw
from homeport.host.migrations.differing import differences
from homeport.host.parent import ending_with_us
from homeport.host.ports import find_port_holder

_SECONDS: Final = 6 * 3600.0
_MOST_FINDINGS: Final = 20
_SAID: Final = 300
_ENVIRONMENT: Final = "HOMEPORT_ENVIRONMENT"
"""The variable that tells a migration whose data it is run for."""


class ScriptMigrator:
    """See :class:`~homeport.host.migrations.port.Migrator`.

    Args:
        environment: whose data; it declares where its migrations are, or that there are none.
        now: the clock.
    """

    def __init__(self, environment: Environment, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._environment = environment
        self._now = now

    def look(self, directory: Path) -> Standing:
        return standing_among(self._known(), directory)

    def run(self, copy: Path) -> Ran:
        standing, before = self.look(copy), copy.with_name(f"{copy.name}.before")
        began = time.monotonic()
        copy_raw(copy, before)
        try:
            with self._live_untouched():
                for name in standing.pending:
                    self._run(name, copy)
            seconds = time.monotonic() - began
            rows = differences(before, copy, ignored=MIGRATIONS_FILE)
        finally:
            remove_tree(before)
        return Ran(standing.pending, standing.schema, self.look(copy).schema, rows, round(seconds, 3))

    def verify(self, directory: Path) -> list[Finding]:
        return [one for entry in _record(directory) for one in self._verified(entry.name, directory)]

    def _known(self) -> list[str]:
        directory = self._environment.service.migrations
        if directory is None:
            return []
        try:
            names = migrations_among(os.listdir(directory))  # noqa: PTH208 - names are what is wanted
        except OSError as error:
            raise HomeportError(
                f"{directory} cannot be read: {error.strerror}.", "environments.ENV.migrations names it."
            ) from None
        for name in names:
            if not os.access(directory / name, os.X_OK):
                raise HomeportError(
                    f"{directory / name} is no program that may be run.",
                    f"chmod +x {directory / name}; its first line names what runs it: #!/usr/bin/env node",
                )
        return names

    def _run(self, name: str, copy: Path) -> None:
        began = time.monotonic()
        done = self._call(name, "upgrade", copy)
        if done.code != 0:
            raise HomeportError(
                f"Migration {name} failed: {_words(done)}. It ran on a copy; the data are as they were.",
                "Correct it; homeport migrate ENV --dry-run tries it.",
                migration=name,
            )
        findings = self._verified(name, copy)
        if findings:
            more = f" And {len(findings) - 1} more." if len(findings) > 1 else ""
            raise HomeportError(
                f"Migration {name} ran on a copy, and did not leave what it must: {findings[0].text}{more}"
                " The data are as they were.",
                "Correct the migration or the data; homeport migrate ENV --dry-run tries it.",
                migration=name,
                findings=[{"migration": one.migration, "text": one.text} for one in findings],
            )
        entry = Entry(name, self._now().isoformat(timespec="seconds"), round(time.monotonic() - began, 3))
        write_atomically(copy / MIGRATIONS_FILE, record_text([*_record(copy), entry]))

    def _verified(self, name: str, directory: Path) -> list[Finding]:
        done = self._call(name, "verify", directory)
        if done.code == 0:
            return []
        lines = [" ".join(line.split())[:_SAID] for line in done.output.splitlines() if line.strip()]
        return [Finding(name, text) for text in (lines or [_words(done)])[:_MOST_FINDINGS]]

    def _call(self, name: str, action: str, directory: Path) -> Finished:
        migrations, service = self._environment.service.migrations, self._environment.service
        command = ending_with_us((f"{migrations}/{name}", action, str(directory)))
        # Not the server's own variables: they may say where the live data lie.
        variables = {**os.environ, _ENVIRONMENT: self._environment.name}
        return run_command(command, seconds=_SECONDS, environment=variables, directory=str(service.working_directory))

    @contextmanager
    def _live_untouched(self) -> Iterator[None]:
        """Notices a migration that has a path of its own for the data; while a server runs, nobody can tell.

        Raises:
            NeedsPersonError: one wrote to the data themselves.
        """
        data = Path(self._environment.data_directory)
        alone = find_port_holder(self._environment.http_port).pid is None
        before = _stand(data) if alone else {}
        try:
            yield
        finally:
            changed = sorted(path for path, _ in _stand(data).items() ^ before.items()) if alone else []
            if changed:
                raise NeedsPersonError(
                    f"A migration of {self._environment.name} changed {data / changed[0]}, and not only the copy"
                    " that it was told.",
                    "It must work on the directory that is its second argument. homeport restore puts the data back.",
                    changed=changed,
                )


def standing_among(known: Sequence[str], directory: Path) -> Standing:
    """How data stand to a release that has these migrations."""
    ran = [entry.name for entry in _record(directory)]
    unknown = [name for name in ran if name not in known]
    if unknown:
        return Standing(schema=unknown[-1], newer=True)
    pending = tuple(name for name in known if name not in ran)
    return Standing(schema=ran[-1] if ran else None, pending=pending, previous_can_run=not pending)


def _record(directory: Path) -> list[Entry]:
    file = directory / MIGRATIONS_FILE
    try:
        return parse_record(file.read_bytes(), str(file))
    except FileNotFoundError:
        return []


def _stand(directory: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file."""
    found = {}
    for path in directory.rglob("*"):
        if path.is_file() and not path.is_symlink():
            status = path.stat()
            found[str(path.relative_to(directory))] = (status.st_size, status.st_mtime_ns)
    return found


def _words(done: Finished) -> str:
    said: Sequence[str] = done.last_words.split()
    return " ".join(said)[-_SAID:] or f"it ended with exit code {done.code}"
