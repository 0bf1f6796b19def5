"""What an archive says about itself: its ``manifest.json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import ClassVar, Final, Literal, cast

from homeport.contract import APPLICATION
from homeport.environments.backups.fields import Fields, as_json_text, read_json_object
from homeport.environments.backups.naming import is_backup_id
from homeport.environments.backups.paths import order_key, parent_of, why_unsafe
from homeport.environments.faults import Fault
from homeport.environments.names import is_environment_name
from homeport.errors import HomeportError

FORMAT: Final = 1
FOREIGN: Final = "foreign"
"""The ``application`` of data that a server other than Homeport's writes."""
MOST_ENTRIES: Final = 1_000_000
"""Files and directories of one backup; what is known of each is held in memory."""
LARGEST_MANIFEST: Final = 512 * 1024 * 1024
"""Bytes of its text."""
MOST_MODE: Final = 0o777
"""No set-user-id, no sticky bit: a backup brings no rights with it."""

Application = Literal["homeport", "foreign"]


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a backup."""

    path: str
    """Below the data directory, with ``/`` between the parts."""
    size: int
    sha256: str
    mode: int


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """One directory of a backup, other than the data directory itself."""

    path: str
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds and where it came from."""

    backup: str
    """The id."""
    environment: str
    application: Application
    identity: str | None
    """The id in ``identity.json``; None where there is none, as in a foreign directory."""
    release: str | None
    version: str
    """Of the Homeport that made it."""
    schema_version: str | None
    counts: Mapping[str, int] = field(default_factory=dict)
    """Rows, by table; for a foreign directory, what was counted of it."""
    position: int | None
    """The number of the last event it holds; None where nothing is numbered."""
    created: str
    """RFC 3339: when the snapshot was begun."""
    took_seconds: float
    """From there until the archive's last file was written."""
    source: str
    """The data directory, as it was found."""
    origin: str
    """What it was made by or for, in a word: ``command``, ``schedule``, ``restore``, ``sync``, ``deploy``."""
    files: tuple[FileEntry, ...]
    directories: tuple[DirectoryEntry, ...] = ()
    format: int = FORMAT

    @property
    def total_bytes(self) -> int:
        """Of all files."""
        return sum(file.size for file in self.files)


class ManifestError(HomeportError):
    """A manifest that cannot be believed. ``faults`` has everything that is wrong with it."""

    code: ClassVar[str] = "manifest"

    def __init__(self, where: str, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        shown = "; ".join(map(str, self.faults[:_SHOWN]))
        more = f"; and {len(self.faults) - _SHOWN} more" if len(self.faults) > _SHOWN else ""
        super().__init__(
            f"{where} cannot be believed: {shown}{more}.",
            "Use another backup; nothing of this one was used.",
            manifest=where,
            faults=[{"path": fault.path, "text": fault.text} for fault in self.faults],
        )


_SHOWN: Final = 5


def manifest_text(manifest: Manifest) -> bytes:
    """The manifest as it stands in an archive."""
    return as_json_text(asdict(manifest))


def parse_manifest(text: bytes, where: str) -> Manifest:
    """Reads a manifest, believing nothing.

    Args:
        text: of the file.
        where: the file's name, for the error.

    Raises:
        ManifestError: it is malformed, contradicts itself or names paths that no backup may have.
    """
    faults: list[Fault] = []
    manifest = _read(read_json_object(text, faults))
    if manifest.format != FORMAT and not faults:
        faults.append(Fault("format", f"is {manifest.format}; this Homeport reads {FORMAT}"))
    if not faults:
        faults += find_lies(manifest)
    if faults:
        raise ManifestError(where, faults)
    return manifest


def _read(fields: Fields) -> Manifest:
    manifest = Manifest(
        format=fields.whole("format"),
        backup=fields.text("backup", is_backup_id, "the id of a backup"),
        environment=fields.text("environment", is_environment_name, "the name of an environment"),
        application=cast("Application", fields.text("application", _is_application, f'"{APPLICATION}" or "{FOREIGN}"')),
        identity=fields.maybe_text("identity"),
        release=fields.maybe_text("release"),
        version=fields.text("version"),
        schema_version=fields.maybe_text("schema_version"),
        counts=fields.numbers("counts"),
        position=fields.maybe_whole("position"),
        created=fields.moment("created"),
        took_seconds=fields.seconds("took_seconds"),
        source=fields.text("source"),
        origin=fields.text("origin"),
        files=fields.items("files", _file),
        directories=fields.items("directories", _directory),
    )
    fields.done()
    return manifest


def _is_application(text: str) -> bool:
    return text in {APPLICATION, FOREIGN}


def _file(fields: Fields) -> FileEntry:
    return FileEntry(
        fields.text("path"), fields.whole("size"), fields.sha256("sha256"), fields.whole("mode", MOST_MODE)
    )


def _directory(fields: Fields) -> DirectoryEntry:
    return DirectoryEntry(fields.text("path"), fields.whole("mode", MOST_MODE))


def find_lies(manifest: Manifest) -> Iterator[Fault]:
    """Where a manifest with the right form contradicts itself, or names what no backup may hold."""
    if len(manifest.files) + len(manifest.directories) > MOST_ENTRIES:
        yield Fault("files", f"are more than {MOST_ENTRIES}")
    if manifest.application == APPLICATION and (manifest.identity is None or manifest.schema_version is None):
        yield Fault("application", f"is {APPLICATION}, whose data have an identity and a schema version")
    directories = {one.path for one in manifest.directories}
    seen: set[str] = set()
    for kind, entries in (("directories", manifest.directories), ("files", manifest.files)):
        paths = [entry.path for entry in entries]
        for path in paths:
            if reason := why_unsafe(path):
                yield Fault(kind, f"{path!r} {reason}")
            elif path in seen:
                yield Fault(kind, f"{path!r} is there twice")
            elif (parent := parent_of(path)) and parent not in directories:
                yield Fault(kind, f"{path!r} is in a directory that is not there")
            seen.add(path)
        if not any(why_unsafe(path) for path in paths) and paths != sorted(paths, key=order_key):
            yield Fault(kind, "are not in their order")
