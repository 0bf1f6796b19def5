"""``homeport backup create`` to a real object store and a real SSH server: each fault ends honestly."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.ports import free_ports
from tests.support.running import PROGRAM
from tests.support.storehouses import BUCKET, ObjectStore, SshServer, make_key, object_store, ssh_server, why_no_ssh
from tests.support.wires import Wire

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
NOISE: Final = random.Random(1).randbytes(3_000_000)
AT: Final = 1_000_000
"""Byte of a copy at which its connection is cut."""


class Yard:
    """A server of another kind with some megabytes of data, backed up to one place."""

    def __init__(self, directory: Path, url: str, table: str) -> None:
        self.directory = directory
        self.url = url
        (directory / "shop" / "data").mkdir(parents=True)
        (directory / "shop" / "data" / "noise").write_bytes(NOISE)
        self.credentials = directory / "credentials.toml"
        self.give(table)
        (directory / "homeport.toml").write_text(
            f"[environments.shop]\nhttp_port = {free_ports(1)[0]}\nprotocols = ['http']\n"
            f"command = ['{sys.executable}']\n[environments.shop.backup]\nplaces = ['{url}']\n"
            f"credentials = '{self.credentials}'\n"
        )

    def give(self, table: str) -> None:
        """Other credentials."""
        self.credentials.write_text(f"['{self.url}']\n{table}")
        self.credentials.chmod(0o600)

    def run(self, *words: str, code: int = 0) -> Any:
        command = [*PROGRAM, "--config", str(self.directory / "homeport.toml"), "--json", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert "s3cr3t" not in done.stdout + done.stderr
        return json.loads(done.stdout)

    def fails(self) -> str:
        """A backup that is here and did not come to the place; why."""
        made = self.run("backup", "create", "shop", code=4)
        (copy,) = made["copies"]
        assert (made["state"], copy["state"], copy["place"]) == ("written", "failed", self.url)
        return str(copy["reason"])

    def good_ones(self) -> int:
        return sum(1 for one in self.run("backup", "list", "shop")["backups"] if one["state"] == "good")


@pytest.fixture(scope="module")
def objects() -> Iterator[ObjectStore]:
    with object_store() as store:
        yield store


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    if missing := why_no_ssh():
        pytest.skip(missing)
    with ssh_server(tmp_path_factory.mktemp("ssh")) as server:
        yield server


def test_a_backup_in_an_object_store_is_good_only_where_it_was_read_back(tmp_path: Path, objects: ObjectStore) -> None:
    with Wire(objects.port) as wire:
        table = f"endpoint = 'http://127.0.0.1:{wire.port}'\naccess_key_id = '{{}}'\nsecret_access_key = '{{}}'\n"
        yard = Yard(tmp_path, f"s3://{BUCKET}/{tmp_path.name}", table.format("key", "s3cr3t"))
        made = yard.run("backup", "create", "shop")
        assert [copy["state"] for copy in made["copies"]] == ["good"]
        (tmp_path / "shop-backups" / made["archive"]["name"]).unlink()
        assert yard.run("backup", "drill", "shop", made["backup"], "--from", yard.url)["outcome"] == "passed"

        wire.turns = True
        assert "is not what was written" in yard.fails()
        assert not wire.turns
        wire.cut_at = AT
        assert yard.fails().startswith(yard.url)
        wire.cut_at = None
        key, secret = objects.make_user()
        with objects.strict():
            yard.give(table.format(key, f"s3cr3t{secret}"))
            assert "credentials" in yard.fails().lower()
            yard.give(table.format(key, secret))
            yard.run("backup", "create", "shop")
        assert yard.good_ones() == 2
        assert len(yard.run("backup", "verify", "shop", "latest")["verified"]) == 2


def test_a_backup_at_an_ssh_server_is_good_only_where_it_came_whole(tmp_path: Path, ssh: SshServer) -> None:
    there = tmp_path / "there"
    there.mkdir()
    with Wire(ssh.port) as wire:
        url = f"sftp://{ssh.user}@127.0.0.1:{wire.port}{there}"
        table = f"identity_file = '{{}}'\nknown_hosts = '{ssh.known_hosts}'\n"
        yard = Yard(tmp_path, url, table.format(ssh.key))
        made = yard.run("backup", "create", "shop")
        assert sorted(path.name for path in there.iterdir()) == [f"data-{made['backup']}.json", made["archive"]["name"]]

        make_key(tmp_path / "stranger")
        yard.give(table.format(tmp_path / "stranger"))
        assert "denied" in yard.fails().lower()
        yard.give(table.format(ssh.key))
        wire.cut_at = AT
        assert yard.fails().startswith(url)
        wire.cut_at = None
        again = yard.run("backup", "create", "shop")
        whole = {path.name for path in there.iterdir() if ".part-" not in path.name}
        assert whole == {
            one for name in (made, again) for one in (f"data-{name['backup']}.json", name["archive"]["name"])
        }
        kept = there / again["archive"]["name"]
        kept.write_bytes(kept.read_bytes()[:-1])
        verdicts = yard.run("backup", "verify", "shop", "latest", code=4)["verified"]
        assert [one["good"] for one in verdicts] == [True, False]
        assert yard.good_ones() == 1
