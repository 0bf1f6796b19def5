"""Holds what was restored against what the backup said of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from homeport.environments.backups.manifest import Manifest

_SHOWN = 5


def find_differences(
    manifest: Manifest,
    *,
    identity: str | None,
    schema_version: str | None,
    counts: Mapping[str, int],
    position: int | None,
) -> list[str]:
    """Where restored data are not what their manifest says, in words; empty where they are.

    Args:
        manifest: of the archive.
        identity: the id in the restored ``identity.json``.
        schema_version: of the restored store.
        counts: rows by table; tables that the manifest does not count are not held against it.
        position: the number of the last event.
    """
    return [
        *_other("identity", manifest.identity, identity),
        *_other("schema", manifest.schema_version, schema_version),
        *_other("last event", manifest.position, position),
        *list(_counts(manifest.counts, counts))[:_SHOWN],
    ]


def _other(what: str, said: object, found: object) -> Iterator[str]:
    if said != found:
        yield f"the {what} is {found}, and the backup says {said}"


def _counts(said: Mapping[str, int], found: Mapping[str, int]) -> Iterator[str]:
    for name, count in said.items():
        if found.get(name) != count:
            yield f"{name} holds {found.get(name, 'nothing that can be counted')}, and the backup says {count}"
