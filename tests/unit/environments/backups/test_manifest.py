"""Manifests and records: read back as they were written, and refused with every reason where they are not right."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.environments.backups.manifest import (
    DirectoryEntry,
    FileEntry,
    Manifest,
    ManifestError,
    manifest_text,
    parse_manifest,
)
from homeport.environments.backups.paths import order_key, why_unsafe
from homeport.environments.backups.record import (
    ArchiveFile,
    Copy,
    Record,
    parse_record,
    record_text,
    summarise,
    with_copy,
)

SHA = "0f" * 32
MANIFEST = Manifest(
    backup="20261002T061500Z",
    environment="production",
    application="homeport",
    identity="0b7c",
    release=None,
    version="0.5.0",
    schema_version="0004",
    counts={"messages": 3, "tasks": 0},
    position=17,
    created="2026-10-02T06:15:00+00:00",
    took_seconds=0.5,
    source="/srv/production/data",
    origin="command",
    files=(FileEntry("d/x", 3, SHA, 0o644), FileEntry("homeport.db", 5, SHA, 0o600)),
    directories=(DirectoryEntry("d", 0o755),),
)
RECORD = Record(
    backup=MANIFEST.backup,
    environment="production",
    state="good",
    created=MANIFEST.created,
    origin="schedule",
    archive=ArchiveFile("data-20261002T061500Z.tar.zst.age", 900, SHA, sealed=True),
    summary=summarise(MANIFEST),
    copies=(Copy("/mnt/other", "failed", "2026-10-02T06:16:00Z", "cannot be reached"),),
    drilled="2026-10-02T07:00:00.25Z",
)


def test_a_manifest_and_a_record_are_read_back_as_they_were() -> None:
    assert parse_manifest(manifest_text(MANIFEST), "m") == MANIFEST
    assert parse_record(record_text(RECORD), "r") == RECORD
    begun = Record(
        backup=MANIFEST.backup, environment="production", state="begun", created=MANIFEST.created, origin="command"
    )
    assert parse_record(record_text(begun), "r") == begun
    assert RECORD.summary is not None
    assert (RECORD.summary.files, RECORD.summary.directories, RECORD.summary.bytes) == (2, 1, 8)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=80).filter(
            lambda name: why_unsafe(name) is None
        ),
        st.integers(0, 1 << 40),
        max_size=8,
    )
)
def test_every_name_and_size_is_read_back(sizes: dict[str, int]) -> None:
    files = tuple(FileEntry(name, sizes[name], SHA, 0o644) for name in sorted(sizes, key=order_key))
    manifest = replace(MANIFEST, files=files, directories=())
    assert parse_manifest(manifest_text(manifest), "m") == manifest


def test_a_name_that_is_no_text_is_read_back() -> None:
    manifest = replace(MANIFEST, files=(FileEntry("\udcff.db", 1, SHA, 0o644),), directories=())
    assert manifest_text(manifest).isascii()
    assert parse_manifest(manifest_text(manifest), "m") == manifest


def _change(**values: object) -> Callable[[dict[str, Any]], None]:
    return lambda document: document.update(values)


def _file(**values: object) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["files"][0].update(values)


FAULTS: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda document: document.pop("files"), "files: must be a list"),
    (lambda document: document.pop("identity"), "application: is homeport, whose data have an identity"),
    (_change(format=2), "format: is 2; this Homeport reads 1"),
    (_change(format=True), "format: must be a whole number"),
    (_change(backup="latest"), "backup: must be the id of a backup"),
    (_change(environment="../etc"), "environment: must be the name of an environment"),
    (_change(application="postgres"), 'application: must be "homeport" or "foreign"'),
    (_change(counts={"messages": -1}), "counts.messages: must be a whole number"),
    (_change(counts=[]), "counts: must be an object"),
    (_change(position=1.5), "position: must be a whole number"),
    (_change(created="yesterday"), "created: must be a time"),
    (_change(created="2026-13-02T06:15:00Z"), "created: must be a time"),
    (_change(took_seconds=-1), "took_seconds: must be a number of seconds"),
    (_change(surprise=1), "surprise: is unknown"),
    (_file(sha256=SHA.upper()), r"files[0].sha256: must be the 64"),
    (_file(size=-1), r"files[0].size: must be a whole number"),
    (_file(size=1 << 70), r"files[0].size: must be a whole number"),
    (_file(mode=0o4755), r"files[0].mode: must be a whole number from 0 to 511"),
    (_file(path="../x"), "files: '../x' leads out of the directory"),
    (_file(path="d/\ud800"), "is not a name that a file can have"),
    (_file(path="d"), "files: 'd' is there twice"),
    (_file(path="e/x"), "files: 'e/x' is in a directory that is not there"),
    (_file(path="z"), "files: are not in their order"),
    (_file(extra=1), r"files[0].extra: is unknown"),
]


@pytest.mark.parametrize(("change", "why"), FAULTS)
def test_a_manifest_with_a_fault_is_refused(change: Callable[[dict[str, Any]], object], why: str) -> None:
    document = json.loads(manifest_text(MANIFEST))
    change(document)
    with pytest.raises(ManifestError) as refused:
        parse_manifest(json.dumps(document).encode(), "x/manifest.json")
    assert why in str(refused.value)
    assert "x/manifest.json" in str(refused.value)


def test_all_faults_are_told_at_once() -> None:
    document = json.loads(manifest_text(MANIFEST))
    for number in range(8):
        document[f"surprise{number}"] = number
    with pytest.raises(ManifestError, match="and 3 more") as refused:
        parse_manifest(json.dumps(document).encode(), "m")
    assert len(refused.value.faults) == 8


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_change(state="perfect"), "state: must be one of begun, written, good, failed"),
        (_change(archive=None), "state: is good, without an archive"),
        (_change(summary=None), "state: is good, without an archive"),
        (lambda document: document["archive"].update(name="../../etc/passwd"), "archive.name: is not the name"),
        (lambda document: document["archive"].update(name="data-20251002T061500Z.tar.zst"), "archive.name: is not"),
        (lambda document: document["archive"].update(sealed=False), "archive.sealed: contradicts"),
        (lambda document: document["copies"][0].update(state="maybe"), "copies[0].state: must be one of"),
        (_change(drilled="now"), "drilled: must be a time"),
        (_change(format=9), "format: is 9"),
    ],
)
def test_a_record_with_a_fault_is_refused(change: Callable[[dict[str, Any]], object], why: str) -> None:
    document = json.loads(record_text(RECORD))
    change(document)
    with pytest.raises(ManifestError) as refused:
        parse_record(json.dumps(document).encode(), "data-20261002T061500Z.json")
    assert why in str(refused.value)


def test_what_is_known_of_a_place_takes_the_place_of_what_was() -> None:
    now = Copy("/mnt/other", "good", "2026-10-03T06:16:00Z")
    more = with_copy(with_copy(RECORD, now), Copy("/a", "good", "2026-10-03T06:16:00Z"))
    assert [copy.place for copy in more.copies] == ["/a", "/mnt/other"]
    assert more.copies[1] == now
