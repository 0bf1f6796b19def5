"""Keys for sealed archives."""

from __future__ import annotations

from pathlib import Path

import pyrage
import pytest

from homeport.host.archives.sealing import Identity, Recipient, read_identities, read_recipients


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Recipient, Identity]:
    """A public key, and the secret one out of a file."""
    key = pyrage.x25519.Identity.generate()
    file = tmp_path / "identity.txt"
    file.write_text(f"# public key: {key.to_public()}\n{key}\n")
    file.chmod(0o600)
    (recipient,), (identity,) = read_recipients([str(key.to_public())]), read_identities(file)
    return recipient, identity
