"""What is known of all environments at one moment: one half writes it down, the server shows it on its pages.

The server never looks at another environment itself. Whoever looked (the doctor's timer) leaves a file in the journal
directory, as JSON of :class:`Survey`; a server of another version reads what it knows of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

SURVEY_FILE: Final = "survey.json"
"""In the journal directory of an environment."""
LARGEST_SURVEY: Final = 4_000_000
"""Bytes of such a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillSeen:
    """The last drill of a backup; ``outcome`` is ``passed`` or ``failed``, ``depth`` how far it went."""

    at: str
    outcome: str
    depth: str
    seconds: float
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSeen:
    """A backup: ``bytes`` are those of the data in it, ``archive_bytes`` those it takes."""

    id: str
    created: str
    state: str
    bytes: int | None = None
    archive_bytes: int | None = None
    drill: DrillSeen | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSeen:
    """A release; ``changes`` are the first lines of the commits since the one before it, the newest first."""

    id: str
    commit: str
    state: str
    created: str
    by: str
    why: str = ""
    served: str | None = None
    serves: bool = False
    reason: str = ""
    schema: str | None = None
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingSeen:
    """A finding of the doctor, with the command that mends it."""

    kind: str
    severity: str
    sentence: str
    consequence: str
    mend: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSeen:
    """A line of the journal."""

    id: str
    operation: str
    by: str
    begun_at: str
    outcome: str
    sentence: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AheadSeen:
    """The commits that ``environment`` has and ``of`` has not; ``commits`` are the first lines of the newest."""

    environment: str
    of: str
    count: int
    commits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSeen:
    """One environment as it was seen.

    Attributes:
        name: its name.
        protected: whether people rely on it.
        url: where its server is, as its own machine reaches it.
        condition: ``healthy``, ``ill``, ``down``, … as ``homeport status`` says it.
        remarks: what is to be said besides, a sentence each.
        version: of the server that answers.
        release: that it was started from.
        commit: that runs, where known.
        schema: of its store.
        started: RFC 3339, when its server was started.
        data_bytes: the size of its data.
        origin: the environment whose data it has, if another's.
        origin_at: RFC 3339, when they were as they came.
        last_backup: RFC 3339.
        last_drill: RFC 3339.
        proven: whether the last drill succeeded.
        settings: those that may be told and compared, in words.
    """

    name: str
    protected: bool
    url: str
    condition: str
    remarks: tuple[str, ...] = ()
    version: str | None = None
    release: str | None = None
    commit: str | None = None
    schema: str | None = None
    started: str | None = None
    data_bytes: int | None = None
    origin: str | None = None
    origin_at: str | None = None
    last_backup: str | None = None
    last_drill: str | None = None
    proven: bool = False
    settings: dict[str, str] = field(default_factory=dict)
    backups: tuple[BackupSeen, ...] = ()
    releases: tuple[ReleaseSeen, ...] = ()
    findings: tuple[FindingSeen, ...] = ()
    journal: tuple[OperationSeen, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """All environments of a declaration at one moment (``at``, RFC 3339); ``findings`` are the machine's own."""

    at: str
    environments: tuple[EnvironmentSeen, ...]
    findings: tuple[FindingSeen, ...] = ()
    ahead: tuple[AheadSeen, ...] = ()
