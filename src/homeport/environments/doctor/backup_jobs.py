"""Backups: jobs that save the wrong directory, that have stopped, that shrink; backups that are old or unproven."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from homeport.environments.doctor.facts import ArchiveFact, BackupFacts, HostFacts, JobFact
from homeport.environments.doctor.finding import Finding, Kind
from homeport.environments.doctor.live import data_directory
from homeport.environments.environment import Environment
from homeport.environments.steps import Step, WriteFile

_WORDS = ("backup", "tar ", "rsync", "borg", "restic", "cp -r", "dump")


def find_backup_faults(environments: Sequence[Environment], facts: HostFacts) -> Iterator[Finding]:
    """What is wrong with how data are saved."""
    for job in facts.jobs:
        yield from _job_faults(job, environments, facts)
    for environment in environments:
        own = facts.backups.get(environment.name, BackupFacts())
        if own.seen:
            yield from _own_faults(environment, own, facts)


def _job_faults(job: JobFact, environments: Sequence[Environment], facts: HostFacts) -> Iterator[Finding]:
    if not _is_backup(job):
        return
    near = _meant(job, environments, facts)
    if near is None:
        return
    data = data_directory(near, facts)
    if job.paths and not any(data.is_relative_to(path) for path in job.paths):
        yield _misses_data(job, near, data, facts)
    timer = _own_timer(job, environments)
    if timer:
        yield from _timer_faults(job, timer, near, facts.backups.get(near.name, BackupFacts()))
    elif job.failed or job.overdue:
        yield _stopped(job, near, f"homeport backup create {near.name}, then mend the job")
    yield from _archive_faults(job, near)


def _is_backup(job: JobFact) -> bool:
    return any(word in f"{job.line} {job.command}".lower() for word in _WORDS) or bool(job.archives)


def _meant(job: JobFact, environments: Sequence[Environment], facts: HostFacts) -> Environment | None:
    """The environment that a job is about: whose root it touches, closest first."""

    def closeness(environment: Environment) -> tuple[int, bool]:
        data = data_directory(environment, facts)
        return (
            max((_common(path, data) for path in job.paths), default=0),
            any(environment.name in part for path in job.paths for part in path.parts),
        )

    touching = [one for one in environments if any(path.is_relative_to(one.root) for path in job.paths)]
    return max(touching, key=closeness, default=None)


def _common(one: PurePosixPath, other: PurePosixPath) -> int:
    return sum(1 for mine, theirs in zip(one.parts, other.parts, strict=False) if mine == theirs)


def _misses_data(job: JobFact, environment: Environment, data: PurePosixPath, facts: HostFacts) -> Finding:
    return Finding(
        kind="backup-misses-data",
        environment=environment.name,
        severity="critical",
        sentence=f"A backup job saves another directory than the live data of {environment.name}.",
        evidence=(
            f"{job.source}: {job.line}",
            f"it names {', '.join(map(str, job.paths))}",
            f"live is {data}",
        ),
        consequence="The live data are not saved, while it looks as if they were.",
        mend=f"homeport provision {environment.name}, which saves the live data, then homeport doctor --fix",
        fix=_without(job, environment, facts),
    )


def _without(job: JobFact, environment: Environment, facts: HostFacts) -> tuple[Step, ...]:
    """The crontab with the line made a comment; only once the live data are saved by something that was read back."""
    own = facts.backups.get(environment.name)
    if job.file is None or job.line not in job.text or own is None or own.last_good is None:
        return ()
    comment = f"# taken out by homeport doctor on {facts.now:%Y-%m-%d}, it saved another directory: {job.line}"
    return (WriteFile(job.file, job.text.replace(job.line, comment, 1), job.mode, job.owner),)


def _own_timer(job: JobFact, environments: Sequence[Environment]) -> str:
    """What a timer of ours starts (``backup``, ``drill``, ``doctor``); empty for somebody else's job."""
    begins = [f"{one.unit}-" for one in environments if job.source.startswith(f"{one.unit}-")]
    return job.source.removeprefix(max(begins, key=len)).removesuffix(".timer") if begins else ""


def _timer_faults(job: JobFact, timer: str, environment: Environment, own: BackupFacts) -> Iterator[Finding]:
    """Of a timer of ours. What its run wrote down itself is told as that, and what was made up for since is over."""
    service = job.source.replace(".timer", ".service")
    if job.overdue:
        yield _stopped(job, environment, f"homeport provision {environment.name} switches it on again")
    elif job.failed:
        told, done = (own.drill_failure, own.last_drill) if timer == "drill" else (own.last_failure, own.last_good)
        if not told and (done is None or job.last_run is None or done < job.last_run):
            yield _stopped(job, environment, f"systemctl start {service} tries it again; journalctl -u {service}")


def _stopped(job: JobFact, environment: Environment, mend: str) -> Finding:
    why = f"failed: {job.failed}" if job.failed else "has not run when it should have"
    return Finding(
        kind="backup-job-stopped",
        environment=environment.name,
        severity="critical",
        sentence=f"The backup job {job.source} {why}.",
        evidence=(job.line, f"last run: {_at(job.last_run)}"),
        consequence="Nothing that was written since is saved.",
        mend=mend,
    )


def _archive_faults(job: JobFact, environment: Environment) -> Iterator[Finding]:
    broken = [archive for archive in job.archives if not archive.opens]
    if broken:
        yield Finding(
            kind="backup-does-not-open",
            environment=environment.name,
            severity="critical",
            sentence=f"{len(broken)} of {len(job.archives)} archives of {job.source} cannot be read to their end.",
            evidence=tuple(str(archive.path) for archive in broken[:5]),
            consequence="They are no backups.",
            mend=f"homeport backup create {environment.name}, then run the job anew, or take it out",
        )
    if len(job.archives) > 1:
        yield from _shrunk(job.source, job.archives[0], job.archives[1], environment)


def _shrunk(source: str, newest: ArchiveFact, before: ArchiveFact, environment: Environment) -> Iterator[Finding]:
    limit = environment.backup.shrink_percent
    if limit and newest.size * 100 < before.size * (100 - limit):
        yield Finding(
            kind="backup-shrinks",
            environment=environment.name,
            severity="critical",
            sentence=f"The newest archive of {source} holds far less than the one before it.",
            evidence=(f"{newest.path}: {newest.size:,} bytes", f"{before.path}: {before.size:,} bytes"),
            consequence="Something is no longer saved, or was deleted.",
            mend=f"homeport backup create {environment.name}; look into both (tar -tf), then run the job anew",
        )


def _own_faults(environment: Environment, own: BackupFacts, facts: HostFacts) -> Iterator[Finding]:
    if own.broken:
        yield _own(
            environment,
            "backup-broken",
            f"{len(own.broken)} backups of {environment.name} are not what they were when they were made.",
            own.broken[:5],
            "They cannot be relied on.",
            f"homeport backup verify {environment.name} writes down what each is worth; then homeport backup create "
            f"{environment.name}",
        )
    if not environment.protected and environment.name not in facts.provisioned:
        return
    last_good = max((one for one in (own.last_good, _elsewhere(environment, facts)) if one is not None), default=None)
    if own.last_failure:
        yield _own(
            environment,
            "backup-failed",
            f"The newest attempt to back {environment.name} up failed.",
            (own.last_failure, f"last good: {_at(own.last_good)}"),
            "What was written since the last good one is not saved.",
            f"homeport backup create {environment.name}",
        )
    elif (
        environment.protected
        and _older(last_good, facts.now, environment.backup.max_age_hours)
        and (last_good is not None or _has_data(environment, facts))
    ):
        yield _own(
            environment,
            "backup-old" if last_good else "never-backed-up",
            f"The last good backup of {environment.name} is older than {environment.backup.max_age_hours} hours."
            if last_good
            else f"{environment.name} was never backed up.",
            (f"last good: {_at(last_good)}",),
            "What was written since is lost with this disk.",
            f"homeport backup create {environment.name}",
        )
    yield from _shrunk_own(environment, own)
    yield from _proof(environment, own, facts)
    if environment.protected and own.last_good and not own.elsewhere and _same_disk(environment, own, facts):
        yield _own(
            environment,
            "backup-same-disk",
            f"Every backup of {environment.name} lies on the disk of its data.",
            (
                f"{environment.backups_directory} and {data_directory(environment, facts)} are on one file system",
                *(f"{place} is on it too" for place in _local_places(environment)),
            ),
            "One dead disk takes both.",
            _another_disk(environment),
            critical=False,
        )


def _elsewhere(environment: Environment, facts: HostFacts) -> datetime | None:
    """When another machine that has the same database made its last good backup; None where it said nothing."""
    state = facts.databases.get(environment.name)
    told = None if state is None else state.get("last_backup")
    return None if told is None else datetime.fromisoformat(told)


def _local_places(environment: Environment) -> list[str]:
    return [place for place in environment.backup.places if place.startswith("/")]


def _another_disk(environment: Environment) -> str:
    declare = f"places = [...] in [environments.{environment.name}.backup]: another disk, s3://, sftp:// or rclone:"
    places = " ".join(_local_places(environment))
    return f"mount --all, where {places} should be a disk that is not mounted; else {declare}" if places else declare


def _has_data(environment: Environment, facts: HostFacts) -> bool:
    """Whether there is something to lose: nobody is told of a backup that would be of nothing."""
    found = facts.directory(data_directory(environment, facts))
    return found is not None and found.exists and (found.files > 0 or found.kind == "unknown")


def _shrunk_own(environment: Environment, own: BackupFacts) -> Iterator[Finding]:
    limit = environment.backup.shrink_percent
    if not limit or len(own.sizes) < 2 or own.sizes[0] * 100 >= own.sizes[1] * (100 - limit):
        return
    yield _own(
        environment,
        "backup-shrinks",
        f"The newest backup of {environment.name} holds far less than the one before it.",
        (f"{own.sizes[0]:,} bytes of data, and {own.sizes[1]:,} before",),
        "Something was deleted, or is no longer saved.",
        f"homeport backup show {environment.name}, and compare; the next backup of that size ends it",
    )


def _proof(environment: Environment, own: BackupFacts, facts: HostFacts) -> Iterator[Finding]:
    drill = f"homeport backup drill {environment.name}"
    if own.drill_failure:
        yield _own(
            environment,
            "drill-failed",
            f"The newest backup of {environment.name} did not come back to life in its drill.",
            (own.drill_failure,),
            "It may be no backup.",
            f"homeport backup create {environment.name}, then {drill}",
        )
    elif (
        environment.protected
        and own.last_good
        and _older(own.last_drill, facts.now, environment.backup.drill_max_age_hours)
    ):
        yield _own(
            environment,
            "never-proven" if own.last_drill is None else "drill-old",
            f"No backup of {environment.name} was ever restored."
            if own.last_drill is None
            else f"No backup of {environment.name} was restored for {environment.backup.drill_max_age_hours} hours.",
            (f"last drill: {_at(own.last_drill)}",),
            "Whether they can be restored is a hope.",
            drill,
            critical=False,
        )


def _same_disk(environment: Environment, own: BackupFacts, facts: HostFacts) -> bool:
    data = facts.directory(data_directory(environment, facts))
    return own.device is not None and data is not None and own.device == data.device


def _older(moment: datetime | None, now: datetime, hours: int) -> bool:
    return hours > 0 and (moment is None or now - moment > timedelta(hours=hours))


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M %Z}" if moment else "never"


def _own(
    environment: Environment,
    kind: Kind,
    sentence: str,
    evidence: Sequence[str],
    consequence: str,
    mend: str,
    *,
    critical: bool = True,
) -> Finding:
    return Finding(
        kind=kind,
        environment=environment.name,
        severity="critical" if critical else "warning",
        sentence=sentence,
        evidence=tuple(evidence),
        consequence=consequence,
        mend=mend,
    )
