"""What is known about a backup without opening it: the file beside the archive.

It is written before the backup begins, so that an attempt that failed, or was killed, leaves its trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Final, Literal, cast, get_args

from homeport.contract import APPLICATION, DATABASE_FILE
from homeport.contract.database import DUMP_FILE, Keeping
from homeport.environments.backups.fields import Fields, as_json_text, read_json_object
from homeport.environments.backups.manifest import Application, Manifest, ManifestError
from homeport.environments.backups.naming import is_backup_id, parse_name
from homeport.environments.faults import Fault
from homeport.environments.names import is_environment_name

FORMAT: Final = 1

State = Literal["begun", "written", "good", "failed"]
"""``begun``: no archive yet, or its maker was killed; ``written``: not yet read back everywhere; ``good``: read back
from every place it is declared to be in; ``failed``: see the reason."""
USABLE: Final = ("good", "written")
"""States of what can be restored from here."""
CopyState = Literal["good", "failed"]
Outcome = Literal["passed", "failed", "unproven"]
"""``unproven``: it is sealed and was not opened, though every byte of it is what was written."""
Depth = Literal["served", "files", "bytes"]
"""How far a drill went: a server answered from the copy, only the files were examined, or only the archive's bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A manifest without its files."""

    application: Application
    identity: str | None
    release: str | None
    version: str
    schema_version: str | None
    counts: Mapping[str, int]
    position: int | None
    took_seconds: float
    source: str
    files: int
    directories: int
    bytes: int
    """Of all files, unpacked."""
    keeping: Keeping | None = None
    """What Homeport's own data were in; None where nobody says."""


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """The archive as bytes."""

    name: str
    size: int
    sha256: str
    """Of the file as it lies there, sealed or not."""
    sealed: bool


@dataclass(frozen=True, slots=True)
class Copy:
    """What came of copying the archive to one place and reading it back."""

    place: str
    state: CopyState
    checked: str
    """RFC 3339: when it was last read back, or tried."""
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """What came of restoring a backup aside, the last time it was tried."""

    at: str
    """RFC 3339: when it began."""
    outcome: Outcome
    depth: Depth
    seconds: float
    """How long it took until the copy had answered; what a restore takes at least."""
    age_seconds: float
    """How old the data were then."""
    reason: str | None = None
    """Why it failed, or proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that is known about one backup."""

    backup: str
    environment: str
    state: State
    created: str
    """RFC 3339: when it was begun."""
    origin: str
    reason: str | None = None
    """Why it failed."""
    archive: ArchiveFile | None = None
    """None until it is written."""
    summary: Summary | None = None
    copies: tuple[Copy, ...] = ()
    """In the declared places other than the backups directory."""
    drilled: str | None = None
    """RFC 3339: when it was last restored aside and found alive."""
    drill: Drill | None = None
    """The last attempt at that, which may have failed."""
    damaged: str | None = None
    """What was wrong with the data when they were saved all the same, file by file: nothing that one would restore."""
    format: int = field(default=FORMAT)

    @property
    def is_usable(self) -> bool:
        """Whether it can be restored from here: ``written`` lacks only a copy somewhere else."""
        return self.state in USABLE and self.damaged is None


def summarise(manifest: Manifest) -> Summary:
    """A manifest's summary."""
    return Summary(
        application=manifest.application,
        identity=manifest.identity,
        release=manifest.release,
        version=manifest.version,
        schema_version=manifest.schema_version,
        counts=manifest.counts,
        position=manifest.position,
        took_seconds=manifest.took_seconds,
        source=manifest.source,
        files=len(manifest.files),
        directories=len(manifest.directories),
        bytes=manifest.total_bytes,
        keeping=_keeping(manifest),
    )


def _keeping(manifest: Manifest) -> Keeping | None:
    if manifest.application != APPLICATION:
        return None
    kinds: dict[str, Keeping] = {DATABASE_FILE: "file", DUMP_FILE: "database"}
    return next((kinds[file.path] for file in manifest.files if file.path in kinds), None)


def with_copy(record: Record, copy: Copy) -> Record:
    """The record with what is now known of one place."""
    others = tuple(one for one in record.copies if one.place != copy.place)
    return replace(record, copies=tuple(sorted((*others, copy), key=lambda one: one.place)))


def record_text(record: Record) -> bytes:
    """The record as it stands in its file."""
    return as_json_text(asdict(record))


def parse_record(text: bytes, where: str) -> Record:
    """Reads a record, believing nothing.

    Args:
        text: of the file.
        where: the file's name, for the error.

    Raises:
        ManifestError: it is malformed or contradicts itself; with every reason.
    """
    faults: list[Fault] = []
    record = _read(read_json_object(text, faults))
    if record.format != FORMAT and not faults:
        faults.append(Fault("format", f"is {record.format}; this Homeport reads {FORMAT}"))
    if not faults:
        faults += _lies(record)
    if faults:
        raise ManifestError(where, faults)
    return record


def _read(fields: Fields) -> Record:
    record = Record(
        format=fields.whole("format"),
        backup=fields.text("backup", is_backup_id, "the id of a backup"),
        environment=fields.text("environment", is_environment_name, "the name of an environment"),
        state=cast("State", fields.text("state", get_args(State).__contains__, f"one of {', '.join(get_args(State))}")),
        created=fields.moment("created"),
        origin=fields.text("origin"),
        reason=fields.maybe_text("reason"),
        archive=fields.one("archive", _archive) if fields.has("archive") else None,
        summary=fields.one("summary", _summary) if fields.has("summary") else None,
        copies=fields.items("copies", _copy),
        drilled=fields.moment("drilled") if fields.has("drilled") else None,
        drill=fields.one("drill", _drill) if fields.has("drill") else None,
        damaged=fields.maybe_text("damaged"),
    )
    fields.done()
    return record


def _archive(fields: Fields) -> ArchiveFile:
    return ArchiveFile(fields.text("name"), fields.whole("size"), fields.sha256("sha256"), fields.flag("sealed"))


def _summary(fields: Fields) -> Summary:
    return Summary(
        application=cast(
            "Application", fields.text("application", get_args(Application).__contains__, "an application")
        ),
        identity=fields.maybe_text("identity"),
        release=fields.maybe_text("release"),
        version=fields.text("version"),
        schema_version=fields.maybe_text("schema_version"),
        counts=fields.numbers("counts"),
        position=fields.maybe_whole("position"),
        took_seconds=fields.seconds("took_seconds"),
        source=fields.text("source"),
        files=fields.whole("files"),
        directories=fields.whole("directories"),
        bytes=fields.whole("bytes"),
        keeping=cast(
            "Keeping", fields.text("keeping", get_args(Keeping).__contains__, f"one of {', '.join(get_args(Keeping))}")
        )
        if fields.has("keeping")
        else None,
    )


def _copy(fields: Fields) -> Copy:
    states = get_args(CopyState)
    return Copy(
        fields.text("place"),
        cast("CopyState", fields.text("state", states.__contains__, f"one of {', '.join(states)}")),
        fields.moment("checked"),
        fields.maybe_text("reason"),
    )


def _drill(fields: Fields) -> Drill:
    return Drill(
        at=fields.moment("at"),
        outcome=cast(
            "Outcome", fields.text("outcome", get_args(Outcome).__contains__, f"one of {', '.join(get_args(Outcome))}")
        ),
        depth=cast("Depth", fields.text("depth", get_args(Depth).__contains__, f"one of {', '.join(get_args(Depth))}")),
        seconds=fields.seconds("seconds"),
        age_seconds=fields.seconds("age_seconds"),
        reason=fields.maybe_text("reason"),
    )


def _lies(record: Record) -> list[Fault]:
    faults = []
    if record.state in {"written", "good"} and (record.archive is None or record.summary is None):
        faults.append(Fault("state", f"is {record.state}, without an archive and its summary"))
    if record.archive is not None:
        file = parse_name(record.archive.name)
        if file is None or file.kind != "archive" or file.backup != record.backup:
            faults.append(Fault("archive.name", f"is not the name of an archive of {record.backup}"))
        elif file.sealed != record.archive.sealed:
            faults.append(Fault("archive.sealed", "contradicts the archive's name"))
    return faults
