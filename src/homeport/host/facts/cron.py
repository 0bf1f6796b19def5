"""Lines of crontabs that speak of our directories, and what they leave behind."""

from __future__ import annotations

import gzip
import os
import re
import shlex
import stat
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Final

from homeport.environments.doctor.facts import ArchiveFact, JobFact
from homeport.host.facts.schedules import last_due
from homeport.host.owners import owner_of

SYSTEM: Final = (Path("/etc/crontab"), Path("/etc/cron.d"))
USERS: Final = Path("/var/spool/cron/crontabs")
PERIODIC: Final = tuple(Path(f"/etc/cron.{period}") for period in ("hourly", "daily", "weekly", "monthly"))
GRACE: Final = timedelta(minutes=30)
"""After a moment at which a job was due; what takes longer has left a sign of its beginning."""
_PATH: Final = re.compile(r"(?<![\w.$}/-])/[\w.@+,=-]+(?:/[\w.@+,=-]+)*")
_ARCHIVES: Final = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2", ".gz", ".zip", ".age")
_ASSIGNED: Final = re.compile(r"^\s*(?:export\s+)?(\w+)=(?:\"([^\"]*)\"|'([^']*)'|(\S*))\s*$", re.MULTILINE)
_LARGEST_SCRIPT: Final = 256 * 1024
_LARGEST_READ: Final = 1 << 30
"""Bytes of an archive up to which it is read to its end."""
_NEWEST: Final = 10
_TIMED: Final = re.compile(r"(@\w+|(?:\S+\s+){4}\S+)\s+(.+)")


def find_cron_jobs(roots: Iterable[PurePosixPath], now: datetime) -> tuple[JobFact, ...]:
    """The jobs of cron that name a path below one of these roots."""
    wanted = tuple(roots)
    found = []
    for file, line, has_user in _lines():
        job = _job(file, line, now, has_user=has_user)
        if job is not None and any(path.is_relative_to(root) for path in job.paths for root in wanted):
            found.append(job)
    for script in _scripts():
        paths = _paths_of(str(script))
        if any(path.is_relative_to(root) for path in paths for root in wanted):
            archives = _archives(paths)
            found.append(_fact(script, f"{script}", str(script), paths, archives, None, overdue=False))
    return tuple(found)


def _lines() -> Iterator[tuple[Path, str, bool]]:
    files = [(one, True) for place in SYSTEM for one in (sorted(place.iterdir()) if place.is_dir() else [place])]
    with suppress(OSError):  # Not there, or not for this user.
        files += [(one, False) for one in sorted(USERS.iterdir())]
    for file, has_user in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for line in text.splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                yield file, line, has_user


def _scripts() -> Iterator[Path]:
    for place in PERIODIC:
        if place.is_dir():
            yield from (one for one in sorted(place.iterdir()) if one.is_file() and os.access(one, os.X_OK))


def _job(file: Path, line: str, now: datetime, *, has_user: bool) -> JobFact | None:
    timed = _TIMED.match(line.strip())
    if timed is None:
        return None
    schedule, rest = timed[1], timed[2]
    command = rest.partition(" ")[2].strip() if has_user else rest
    paths = _paths_of(command)
    archives = _archives(paths)
    last_run = archives[0].modified if archives else None
    due = last_due(schedule, now.astimezone())
    overdue = due is not None and last_run is not None and now - due > GRACE and last_run < due - timedelta(minutes=1)
    return _fact(file, line, command, paths, archives, last_run, overdue=overdue)


def _fact(
    file: Path,
    line: str,
    command: str,
    paths: tuple[PurePosixPath, ...],
    archives: tuple[ArchiveFact, ...],
    last_run: datetime | None,
    *,
    overdue: bool,
) -> JobFact:
    text = file.read_text(encoding="utf-8", errors="replace")
    number = next((n for n, one in enumerate(text.splitlines(), start=1) if one == line), 1)
    return JobFact(
        source=f"{file}, line {number}",
        file=PurePosixPath(file),
        line=line,
        command=command,
        paths=paths,
        last_run=last_run,
        overdue=overdue,
        failed="",
        archives=archives,
        text=text,
        mode=stat.S_IMODE(file.stat().st_mode),
        owner=owner_of(file),
    )


def _paths_of(command: str) -> tuple[PurePosixPath, ...]:
    """Absolute paths in a command, and in the scripts that it runs."""
    texts = [command]
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    scripts = {word for word in words if word.startswith("/") and _is_script(Path(word))}
    texts += [_with_variables(Path(one).read_text(encoding="utf-8", errors="replace")) for one in sorted(scripts)]
    found = [match for text in texts for match in _PATH.finditer(text) if match[0] not in scripts]
    return tuple(dict.fromkeys(PurePosixPath(os.path.normpath(_whole(match))) for match in found))


def _whole(found: re.Match[str]) -> str:
    """A path that is completed by a variable or by what a command says is known up to its directory."""
    goes_on = found.string[found.end() : found.end() + 1] in ("$", "`", "*", "?", "[", "{")
    return found[0].rpartition("/")[0] or "/" if goes_on else found[0]


def _is_script(path: Path) -> bool:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_SCRIPT:
            return False
        with path.open("rb") as stream:
            return path.suffix == ".sh" or stream.read(2) == b"#!"
    except OSError:
        return False


def _with_variables(script: str) -> str:
    """A script with the variables that it sets put in where they are used: paths are often said in two steps."""
    values: dict[str, str] = {}
    for name, double, single, bare in _ASSIGNED.findall(script):
        values[name] = _put_in(double or single or bare, values)
    return _put_in(script, values)


def _put_in(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value).replace(f"${name}", value)
    return text


def _archives(paths: Iterable[PurePosixPath]) -> tuple[ArchiveFact, ...]:
    """What lies in the directories that are named, or in the one that a named file would be put into."""
    places = dict.fromkeys(Path(path) if Path(path).is_dir() else Path(path).parent for path in paths)
    found = [one for place in places for one in _listed(place)]
    newest = sorted(found, key=lambda one: one[1], reverse=True)[:_NEWEST]
    return tuple(
        ArchiveFact(
            path=PurePosixPath(path),
            size=size,
            modified=datetime.fromtimestamp(changed, UTC),
            opens=number > 1 or size > _LARGEST_READ or _opens(path),
        )
        for number, (path, changed, size) in enumerate(newest)
    )


def _listed(directory: Path) -> list[tuple[Path, float, int]]:
    try:
        files = [one for one in directory.iterdir() if one.name.endswith(_ARCHIVES) and one.is_file()]
        return [(one, one.stat().st_mtime, one.stat().st_size) for one in files]
    except OSError:
        return []


def _opens(path: Path) -> bool:
    """Whether an archive can be read to its end; one in a form that is not known here is believed."""
    try:
        if path.name.endswith((".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")):
            with tarfile.open(path) as archive:
                return sum(1 for _ in archive) > 0
        if path.name.endswith(".gz"):
            with gzip.open(path) as stream:
                while stream.read(1 << 20):
                    pass
    except (OSError, EOFError, tarfile.TarError, zlib.error):
        return False
    return True
