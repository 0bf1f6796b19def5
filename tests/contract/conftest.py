"""Servers of places, one for all tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.storehouses import ObjectStore, SshServer, object_store, ssh_server, why_no_ssh


@pytest.fixture(scope="session")
def objects() -> Iterator[ObjectStore]:
    """An object store."""
    with object_store() as store:
        yield store


@pytest.fixture(scope="session")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """An SSH server."""
    if missing := why_no_ssh():
        pytest.skip(missing)
    directory: Path = tmp_path_factory.mktemp("ssh")
    with ssh_server(directory) as server:
        yield server
