"""What a server's pages are told of all environments: chosen and worded here, from what others have seen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, timedelta
from typing import Final

from homeport.contract.survey import (
    BackupSeen,
    DrillSeen,
    EnvironmentSeen,
    FindingSeen,
    OperationSeen,
    ReleaseSeen,
    Survey,
)
from homeport.environments.backups.record import Drill, Record
from homeport.environments.doctor.finding import Finding
from homeport.environments.environment import Environment
from homeport.environments.releases.release import Release
from homeport.environments.status.row import StatusRow

BACKUPS: Final = 200
RELEASES: Final = 20
CHANGES: Final = 15
OPERATIONS: Final = 40
_LONGEST: Final = 500
"""Characters of a sentence."""
_TOLD: Final = (
    *("protected", "listen", "auth", "rate_limit", "protocols", "allowed_hosts", "allowed_origins"),
    *("trusted_proxies", "oauth_host", "log_format"),
)
"""Settings that are no path, no port, and nothing that anybody would keep to themselves."""
_TOLD_OF_BACKUPS: Final = (
    *("keep_last", "keep_hourly", "keep_daily", "keep_weekly", "keep_monthly", "keep_minimum"),
    *("max_age_hours", "drill_max_age_hours", "shrink_percent", "continuous_hours"),
)


def seen(
    row: StatusRow,
    *,
    commit: str | None,
    records: Iterable[Record],
    releases: Iterable[ReleaseSeen],
    findings: Iterable[Finding],
    journal: Sequence[OperationSeen],
) -> EnvironmentSeen:
    """One environment, from its row of ``homeport status`` and what lies beside it."""
    facts, environment = row.facts, row.facts.environment
    schema = facts.health.payload.get("schema_version")
    started = None if row.uptime is None else facts.at - timedelta(seconds=row.uptime)
    backups, origin = facts.backups, facts.origin
    newest = sorted(records, key=lambda one: one.backup, reverse=True)[:BACKUPS]
    return EnvironmentSeen(
        name=environment.name,
        protected=environment.protected,
        url=environment.http_url,
        condition=row.condition,
        remarks=tuple(one[:_LONGEST] for one in row.reasons),
        version=row.version,
        release=row.release,
        commit=commit,
        schema=schema if isinstance(schema, str) else None,
        started=None if started is None else started.astimezone(UTC).isoformat(timespec="seconds"),
        data_bytes=facts.data_bytes,
        origin=origin.environment if origin else None,
        origin_at=origin.at if origin else None,
        last_backup=backups["last_backup"] if backups else None,
        last_drill=backups["last_drill"] if backups else None,
        proven=row.proven,
        settings=told_settings(environment),
        backups=tuple(map(_backup, newest)),
        releases=tuple(releases),
        findings=tuple(finding_seen(one) for one in findings if one.environment == environment.name),
        journal=tuple(journal[:OPERATIONS]),
    )


def told_settings(environment: Environment) -> dict[str, str]:
    """The settings that may be told, in words."""
    known = environment.as_json()
    backup = known.get("backup")
    told: dict[str, object] = {name: known.get(name) for name in _TOLD}
    if isinstance(backup, Mapping):
        told |= {f"backup.{name}": backup.get(name) for name in _TOLD_OF_BACKUPS}
    schedules = environment.schedules
    told |= {
        "backup_schedule": schedules.backup,
        "drill_schedule": schedules.drill,
        "doctor_schedule": schedules.doctor,
    }
    return {name: _worded(value) for name, value in told.items()}


def _worded(value: object) -> str:
    if value is None or value == "":
        return "off"
    if isinstance(value, str):
        return value
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else json.dumps(value)


def finding_seen(finding: Finding) -> FindingSeen:
    """A finding as pages show it."""
    return FindingSeen(
        kind=finding.kind,
        severity=finding.severity,
        sentence=finding.sentence[:_LONGEST],
        consequence=finding.consequence[:_LONGEST],
        mend=finding.mend[:_LONGEST],
        evidence=tuple(one[:_LONGEST] for one in finding.evidence[:10]),
    )


def release_seen(release: Release, current: str | None, changes: Iterable[str]) -> ReleaseSeen:
    """A release as pages show it."""
    return ReleaseSeen(
        id=release.id,
        commit=release.commit,
        state=release.state,
        created=release.created,
        by=release.by,
        why=release.why[:_LONGEST],
        served=release.served,
        serves=release.id == current,
        reason=release.reason[:_LONGEST],
        schema=release.schema,
        changes=tuple(changes)[:CHANGES],
    )


def survey_text(survey: Survey) -> str:
    """A survey as it stands in its file."""
    return json.dumps(asdict(survey), ensure_ascii=False, separators=(",", ":")) + "\n"


def _backup(record: Record) -> BackupSeen:
    return BackupSeen(
        id=record.backup,
        created=record.created,
        state="damaged" if record.damaged is not None else record.state,
        bytes=record.summary.bytes if record.summary else None,
        archive_bytes=record.archive.size if record.archive else None,
        drill=_drill(record.drill) if record.drill else None,
        reason=(record.damaged or record.reason or "")[:_LONGEST] or None,
    )


def _drill(drill: Drill) -> DrillSeen:
    reason = drill.reason[:_LONGEST] if drill.reason else None
    return DrillSeen(at=drill.at, outcome=drill.outcome, depth=drill.depth, seconds=drill.seconds, reason=reason)
