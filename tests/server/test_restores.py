"""Drill, restore and sync as a person types them, with real servers that a service manager runs."""

from __future__ import annotations

import json
import stat
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx2
import pyrage
import pytest
from prometheus_client.parser import text_string_to_metric_families

from homeport.contract import DATABASE_FILE, SNAPSHOT_FILE
from tests.support.exchanging import content
from tests.support.harbour import Harbour
from tests.support.running import PROGRAM
from tests.support.waiting import until

STEPS = (
    *("make the backup", "unpack the backup", "make sure"),
    *("keep what was served", "start the server", "wait until"),
)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def harbour(tmp_path: Path) -> Iterator[Harbour]:
    one = Harbour(tmp_path)
    one.start("production")
    for number in range(3):
        one.send("production", f"number {number}")
    yield one
    for environment in one.declaration.environments.values():
        one.manager.stop(environment)


def test_a_drill_restores_serves_asks_and_says_proven(harbour: Harbour) -> None:
    backup = harbour.run("backup", "create", "production")["backup"]
    assert harbour.health("production")["backups"]["state"] == "never proven"
    done = harbour.run("backup", "drill", "production")
    assert (done["backup"], done["outcome"], done["depth"]) == (backup, "passed", "served")
    assert done["seconds"] > 0
    assert harbour.health("production")["backups"]["state"] == "proven"
    assert harbour.run("backup", "show", "production")["drill"]["outcome"] == "passed"
    shelf = harbour.directory / "production-backups"
    assert sorted(path.suffix for path in shelf.iterdir()) == [".json", ".zst"]
    assert harbour.messages("production") == 3
    assert "drill" not in harbour.run("token", "list", "production")["tokens"][0]["name"]
    assert len(harbour.run("token", "list", "production")["tokens"]) == 1


def test_the_file_of_metrics_tells_of_backups_drills_and_the_doctor(harbour: Harbour) -> None:
    file = harbour.directory / "collected" / "homeport.prom"
    text = harbour.file.read_text()
    harbour.file.write_text(f"{text}[environments.production.backup]\nmetrics_file = '{file}'\n")
    # A directory that is not there is told, and keeps no backup from being made.
    backup = harbour.run("backup", "create", "production")["backup"]
    file.parent.mkdir()
    harbour.run("backup", "drill", "production")
    harbour.send("production", "more", "more" * 50_000)
    harbour.run("backup", "create", "production")
    harbour.run("doctor", "production", "--alarm", code=4)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    found = {
        one.name: one.value
        for family in text_string_to_metric_families(file.read_text())
        for one in family.samples
        if one.labels["environment"] == "production" and one.labels.get("severity") != "warning"
    }
    assert (found["homeport_backups_good"], found["homeport_backup_last_attempt_ok"]) == (2, 1)
    assert found["homeport_backup_growth_bytes"] > 150_000
    assert found["homeport_backup_archive_bytes"] > 0
    assert found["homeport_drill_last_ok"] == 1
    assert found["homeport_drill_last_good_timestamp_seconds"] <= found["homeport_backup_last_good_timestamp_seconds"]
    assert found["homeport_doctor_findings"] == 0
    assert list(file.parent.iterdir()) == [file]
    (harbour.directory / "production-backups" / f"data-{backup}.tar.zst").write_bytes(b"tampered with")
    assert harbour.run("backup", "drill", "production", backup, code=4)["outcome"] == "failed"
    assert 'homeport_drill_last_ok{environment="production"} 0.0' in file.read_text()


def test_a_backup_that_was_tampered_with_is_named_by_its_drill(harbour: Harbour) -> None:
    backup = harbour.run("backup", "create", "production")["backup"]
    harbour.run("backup", "drill", "production")
    archive = harbour.directory / "production-backups" / f"data-{backup}.tar.zst"
    raw = bytearray(archive.read_bytes())
    raw[len(raw) // 2] ^= 4
    archive.write_bytes(raw)
    done = harbour.run("backup", "drill", "production", code=4)
    assert done["outcome"] == "failed"
    assert archive.name in done["reason"]
    assert harbour.health("production")["backups"]["state"] == "never proven"
    (row,) = harbour.run("status", "production")["environments"]
    assert row["backup"]["proven"] is False
    refused = harbour.run("restore", "production", backup, "--yes", code=1)
    assert archive.name in refused["message"]
    assert harbour.messages("production") == 3


def test_a_drill_takes_the_archive_from_a_place_where_the_local_one_is_gone(harbour: Harbour) -> None:
    place = harbour.directory / "elsewhere"
    place.mkdir()
    harbour.file.write_text(
        harbour.file.read_text().replace(
            "[environments.development]",
            f'[environments.production.backup]\nplaces = ["{place}"]\n[environments.development]',
        )
    )
    backup = harbour.run("backup", "create", "production")["backup"]
    (harbour.directory / "production-backups" / f"data-{backup}.tar.zst").unlink()
    assert "is missing" in harbour.run("backup", "drill", "production", backup, code=4)["reason"]
    done = harbour.run("backup", "drill", "production", "latest", "--from", str(place))
    assert (done["backup"], done["outcome"]) == (backup, "passed")


def test_sealed_backups_are_proven_restored_and_synced_with_their_key_alone(harbour: Harbour) -> None:
    key, other = (pyrage.x25519.Identity.generate() for _ in range(2))
    files = {name: harbour.directory / f"{name}.txt" for name in ("key", "other")}
    for file, secret in zip(files.values(), (key, other), strict=True):
        file.write_text(f"{secret}\n")
    table = "[environments.{}.backup]\nrecipients = ['{}']\n"
    text = harbour.file.read_text()
    sealed = "".join(table.format(name, key.to_public()) for name in ("production", "development"))
    harbour.file.write_text(text + sealed)
    backup = harbour.run("backup", "create", "production")["backup"]
    archive = harbour.directory / "production-backups" / f"data-{backup}.tar.zst.age"
    assert b"number 1" not in archive.read_bytes()

    # Without the key it says what it saw, and what it did not; nothing that was proven before is taken back by that.
    blind = harbour.run("backup", "drill", "production", code=4)
    assert (blind["outcome"], blind["depth"]) == ("unproven", "bytes")
    assert "was not seen" in blind["reason"]
    assert harbour.health("production")["backups"]["state"] == "never proven"
    assert "no key was given" in harbour.run("restore", "production", backup, "--yes", code=2)["message"]
    open_to_all = harbour.run("backup", "drill", "production", "--identity", str(files["key"]), code=3)
    assert "may be read by others" in open_to_all["message"]
    for file in files.values():
        file.chmod(0o600)
    wrong = harbour.run("backup", "drill", "production", "--identity", str(files["other"]), code=4)
    assert (wrong["outcome"], "another key" in wrong["reason"]) == ("unproven", True)

    seen = harbour.run("backup", "drill", "production", "--identity", str(files["key"]))
    assert (seen["outcome"], seen["depth"]) == ("passed", "served")
    harbour.run("backup", "drill", "production", code=4)
    assert harbour.health("production")["backups"]["state"] == "proven"
    harbour.send("production", "too late")
    refused = harbour.run("restore", "production", backup, "--yes", "--identity", str(files["other"]), code=1)
    assert "cannot be opened" in refused["message"]
    assert harbour.messages("production") == 4
    done = harbour.run("restore", "production", backup, "--yes", "--identity", str(files["key"]))
    assert harbour.messages("production") == 3
    assert (harbour.directory / "production-backups" / f"data-{done['safety_backup']}.tar.zst.age").is_file()

    harbour.start("development")
    harbour.run("sync", "production", "development", "--yes")
    (saved,) = (harbour.directory / "development-backups").glob("data-*.tar.zst.age")
    whole = bytearray(saved.read_bytes())
    whole[-20] ^= 1
    saved.write_bytes(bytes(whole))
    assert harbour.run("backup", "drill", "development", code=4)["outcome"] == "failed"


def test_a_restore_puts_the_backup_in_place_and_keeps_what_was_there(harbour: Harbour) -> None:
    backup = harbour.run("backup", "create", "production")["backup"]
    harbour.send("production", "too late")
    (harbour.data("production") / "newer").write_text("than the backup")
    before = harbour.pid("production")
    refused = harbour.run("restore", "production", backup, code=3)
    assert "--yes" in refused["hint"]
    shown = harbour.run("restore", "production", backup, "--dry-run")
    assert shown["loss"]["messages"] == 1
    assert harbour.pid("production") == before
    done = harbour.run("restore", "production", backup, "--yes")
    assert done["started"]
    assert harbour.pid("production") != before
    assert harbour.messages("production") == 3
    assert not (harbour.data("production") / "newer").exists()
    assert (Path(done["kept"]) / "newer").read_text() == "than the backup"
    # And back again: what was there is a backup too, and is the newest.
    again = harbour.run("restore", "production", "latest", "--yes")
    assert again["restored"] == done["safety_backup"]
    assert harbour.messages("production") == 4


@pytest.mark.parametrize("steps", [STEPS[2::2], pytest.param(STEPS, marks=pytest.mark.soak)], ids=["some", "all"])
def test_a_restore_killed_at_any_step_leaves_a_server_on_the_old_data_or_the_new(
    harbour: Harbour, steps: tuple[str, ...]
) -> None:
    backup = harbour.run("backup", "create", "production")["backup"]
    harbour.send("production", "since the backup")
    seen: list[int] = []
    for step in steps:
        command = [*PROGRAM, "--config", str(harbour.file), "restore", "production", backup, "--yes"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as restoring:
            assert restoring.stderr is not None
            assert any(step in line for line in restoring.stderr), step
            restoring.kill()
        # Whatever comes next brings it to its end.
        harbour.run("backup", "create", "production")
        until(lambda: harbour.health("production")["status"] == "healthy", within=60)
        seen.append(harbour.messages("production"))
        left = [path.name for path in harbour.data("production").parent.iterdir() if "restoring" in path.name]
        assert left == [], step
        assert set(seen) <= {3, 4}
        if seen[-1] == 3:
            harbour.send("production", "since the backup")
    assert seen[0] == 4


def test_damaged_data_are_saved_file_by_file_and_restored(harbour: Harbour) -> None:
    backup = harbour.run("backup", "create", "production")["backup"]
    environment = harbour.declaration.environment("production")
    harbour.manager.stop(environment)
    database = harbour.data("production") / DATABASE_FILE
    database.write_bytes(b"not a database at all" * 1000)
    harbour.manager.start(environment)
    done = harbour.run("restore", "production", backup, "--yes")
    assert done["started"]
    assert harbour.messages("production") == 3
    saved = harbour.run("backup", "show", "production", done["safety_backup"])
    assert "not" in saved["damaged"]
    # Nobody who asks for the latest gets damaged data.
    assert harbour.run("restore", "production", "latest", "--dry-run")["backup"] == backup
    harbour.run("restore", "production", done["safety_backup"], "--to", str(harbour.directory / "out"), code=4)
    assert (harbour.directory / "out" / DATABASE_FILE).read_bytes().startswith(b"not a database")


def test_at_a_time_the_newest_backup_before_it_is_meant(harbour: Harbour) -> None:
    first = harbour.run("backup", "create", "production")
    second = harbour.run("backup", "create", "production")
    chosen = harbour.run("restore", "production", "--at", first["created"], "--dry-run")
    assert chosen["backup"] == first["backup"]
    assert harbour.run("restore", "production", "--at", second["created"], "--dry-run")["backup"] == second["backup"]
    assert (
        "no good backup" in harbour.run("restore", "production", "--at", "2020-01-01", "--dry-run", code=2)["message"]
    )
    assert "is no time" in harbour.run("restore", "production", "--at", "yesterday", "--dry-run", code=2)["message"]


def test_data_of_another_environment_are_never_replaced(harbour: Harbour) -> None:
    backup = harbour.run("backup", "create", "production")["backup"]
    harbour.manager.stop(harbour.declaration.environment("production"))
    identity = harbour.data("production") / "identity.json"
    told = json.loads(identity.read_text())
    identity.write_text(json.dumps({**told, "environment": "development"}))
    refused = harbour.run("restore", "production", backup, "--yes", code=3)
    assert "holds data of development" in refused["message"]


def test_a_sync_leaves_production_as_it_was_and_its_tokens_outside(harbour: Harbour) -> None:
    harbour.start("development")
    harbour.send("development", "of development")
    before = content(harbour.data("production"))
    done = harbour.run("sync", "production", "development", "--scrub", "texts", "--yes")
    assert done["started"]
    assert content(harbour.data("production")) == before
    assert harbour.ask("development", "/api/v1/status", harbour.tokens["production"]).status_code == 401
    assert harbour.ask("development", "/api/v1/status", harbour.tokens["development"]).status_code == 401
    harbour.tokens["development"] = harbour.token("development")
    assert harbour.messages("development") == 3
    assert harbour.health("development")["origin"]["environment"] == "production"
    assert harbour.ask("development", "/api/v1/status").json()["origin"]["environment"] == "production"
    assert json.loads((harbour.data("development") / SNAPSHOT_FILE).read_text())["scrub"] == "texts"
    saved = harbour.run("backup", "show", "development", done["safety_backup"])
    assert (saved["state"], saved["origin"]) == ("good", "sync")
    assert [path.name for path in harbour.data("development").parent.glob("data*")] == ["data"]


def test_a_sync_while_both_are_used_takes_nothing_from_production_and_the_doctor_is_silent(harbour: Harbour) -> None:
    harbour.start("development")
    over, sent = threading.Event(), {"production": 3, "development": 0}

    def use(name: str) -> None:
        while not over.is_set():
            harbour.send(name, "meanwhile")
            sent[name] += 1

    def use_until_it_ends() -> None:
        # It is stopped for the exchange, and then takes no token that it knew before.
        with suppress(httpx2.TransportError, AssertionError):
            use("development")

    with ThreadPoolExecutor(2) as users:
        using = [users.submit(use, "production"), users.submit(use_until_it_ends)]
        try:
            until(lambda: min(sent.values()) > 0, within=60)
            harbour.run("sync", "production", "development", "--yes")
        finally:
            over.set()
        for one in using:
            one.result(60)
    assert harbour.messages("production") == sent["production"]
    assert harbour.ask("development", "/api/v1/status", harbour.tokens["production"]).status_code == 401
    harbour.tokens["development"] = harbour.token("development")
    assert 3 <= harbour.messages("development") <= sent["production"]
    assert harbour.run("doctor", "development")["findings"] == []


def test_nothing_is_synced_into_a_protected_environment(harbour: Harbour) -> None:
    for more in ((), ("--yes",), ("--dry-run",), ("--scrub", "none", "--yes")):
        refused = harbour.run("sync", "development", "production", *more, code=3)
        assert "is protected" in refused["message"]
    assert "the same data" in harbour.run("sync", "development", "development", "--yes", code=2)["message"]
    assert harbour.messages("production") == 3
