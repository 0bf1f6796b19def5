"""Directories as values: made from JSON, imported, exported, compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from homeport.coordination.messages import InboxQuery
from homeport.coordination.store import Records
from homeport.coordination.values import Millis, Page
from homeport.exchange.json_v1.directory import Directory, read_directory
from homeport.exchange.json_v1.exporting import export_directory
from homeport.exchange.json_v1.importing import import_directory
from homeport.exchange.json_v1.report import Odd, Report
from homeport.storage.memory.records import MemoryRecords
from homeport.storage.memory.tables import Tables

NOW: Final[Millis] = 1_764_892_800_000
SAMPLE: Final = Path(__file__).parents[2] / "data" / "json-v1"
# Where the earlier server's own data lie beside the project, they are tried as well.
FOUND: Final = Path(__file__).parents[4] / "shared" / "data" / "json-v1"

Tree = Mapping[str, Any]
"""Path -> JSON, or text for a document."""


INBOX: Final = "messages/inbox/inbox.json"


def memory() -> Records:
    """Records that forget."""
    return MemoryRecords(Tables())


def written(tree: Tree, root: Path) -> Path:
    """A directory with these files."""
    for path, content in tree.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        text = content if path.endswith(".md") else json.dumps(content)
        file.write_bytes(text.encode())
    return root


def read(tree: Tree, root: Path) -> Directory:
    """The value of a directory with these files."""
    return read_directory(written(tree, root))


def imported(records: Records, tree: Tree, root: Path) -> Report:
    """Imports these files."""
    return import_directory(records, read(tree, root), NOW)


def exported(records: Records) -> dict[str, Any]:
    """What an export has: path -> JSON, or text for a document."""
    return parsed(export_directory(records).files)


def parsed(files: Iterable[tuple[str, bytes]]) -> dict[str, Any]:
    """Contents as values."""
    return {path: content.decode() if path.endswith(".md") else json.loads(content) for path, content in files}


def on_disk(root: Path) -> dict[str, Any]:
    """The files of a directory."""
    found = [(file.relative_to(root).as_posix(), file.read_bytes()) for file in root.rglob("*") if file.is_file()]
    return parsed(found)


def exact(value: object) -> str:
    """A text that tells 1 from 1.0 and true."""
    return json.dumps(value, sort_keys=True)


def messages(*records: dict[str, Any], **envelope: Any) -> dict[str, Any]:
    """An inbox."""
    return {"schema_version": "3.0", "created": "2025-08-01T00:00:00Z", **envelope, "messages": list(records)}


def message(identity: str = "msg-1", to: Any = "all", **fields: Any) -> dict[str, Any]:
    """A message."""
    return {
        "id": identity,
        "from": "sender",
        "to": to,
        "subject": "About it",
        "body": "Text.",
        "type": "general",
        "priority": "normal",
        "status": "unread",
        "created": "2025-08-05T10:00:00.000Z",
        "metadata": {"tags": [], "thread_id": None},
        **fields,
    }


def instances(*names: str, role: str = "Developer") -> dict[str, Any]:
    """instances.json."""
    times = {"created": "2025-08-01T00:00:00.000Z", "last_seen": "2025-08-02T00:00:00.000Z"}
    return {"instances": [{"id": name, "role": role, "status": "active", **times, "metadata": {}} for name in names]}


def tasks(*records: dict[str, Any], project: str = "harbour") -> dict[str, Any]:
    """A tasks.json."""
    return {"schema_version": "1.0", "project_id": project, "created": "2025-08-01T00:00:00Z", "tasks": list(records)}


def task(identity: str = "task-1", **fields: Any) -> dict[str, Any]:
    """A task."""
    return {
        "id": identity,
        "title": "A task",
        "description": "",
        "status": "pending",
        "priority": "medium",
        "assigned_to": None,
        "created": "2025-08-03T00:00:00.000Z",
        "updated": "2025-08-03T00:00:00.000Z",
        "metadata": {"effort_estimate": None, "tags": [], "dependencies": []},
        **fields,
    }


def manifest(*names: str, **fields: Any) -> dict[str, Any]:
    """projects/manifest.json."""
    times = {"created": "2025-08-01T00:00:00.000Z", "updated": "2025-08-01T00:00:00.000Z"}
    base = {"description": "", "status": "active", "priority": "medium", **times, "metadata": {"tags": []}}
    return {"projects": [{"id": name, "name": name, **base, **fields} for name in names]}


def inbox(records: Records, reader: str, *, archived: bool = False) -> list[str]:
    """The ids of what lies in an inbox or an archive, newest first."""
    found = records.messages.inbox(InboxQuery(reader, archived=archived), Page(200))
    return [one.message.id for one in found]


def told(report: Report, noun: str) -> list[Odd]:
    """What was odd about a noun."""
    return [one for one in report.odd if one.noun == noun]
