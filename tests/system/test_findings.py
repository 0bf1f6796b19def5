"""Each finding of the doctor: its fault is made, it alone is found, and the command that it names mends it.

One machine for all; after each test the doctor is silent. The causes of a crash loop are in test_doctor.py; what
belongs to a machine that grew by hand (unmanaged, absent, stale-data, sandbox-misses-data, backup-misses-data) is in
test_incident.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.machine import booted
from tests.system.ailing import (
    CREDENTIALS,
    ELSEWHERE,
    ENVIRONMENTS,
    FILE,
    JOB,
    KEY,
    PLAIN,
    READER,
    ROOT,
    SAVED,
    SITE,
    WELL,
    Patient,
    header_of,
    passed,
    prepare,
    reload_without,
    saving,
    site,
    without_the_time,
)


@pytest.fixture(scope="module")
def whole(image: Sequence[Path], machines_home: Path) -> Iterator[Patient]:
    """The machine, which is led to silence by what the doctor says of it."""
    with booted(image, machines_home) as machine:
        patient = prepare(machine)
        for name in ENVIRONMENTS:
            patient.homeport("provision", name, "--yes")
        patient.mend(patient.shows("never-backed-up", "production"), "homeport backup create production")
        patient.mend(patient.shows("never-proven", "production"), "homeport backup drill production")
        yield patient


@pytest.fixture
def patient(whole: Patient, request: pytest.FixtureRequest) -> Iterator[Patient]:
    """It is well again after each test."""
    assert not whole.left_ill, f"the machine was left ill by {whole.left_ill}"
    whole.left_ill.append(request.node.name)
    yield whole
    whole.is_silent()
    whole.left_ill.clear()


# --- all is well ---


def test_a_machine_on_which_all_is_well_is_silent_also_after_a_reboot(patient: Patient) -> None:
    machine = patient.machine
    assert patient.homeport("doctor").out == f"Nothing found: {', '.join(ENVIRONMENTS)}.\n"
    assert json.loads(patient.homeport("doctor", "--json").out) == {"findings": []}
    assert patient.homeport("doctor", "production", "--nagios").out == (
        "HOMEPORT OK - production: nothing found | findings=0\n"
    )
    machine.reboot()
    for port in (3444, 3446, 3460, 3462):
        machine.until(lambda port=port: machine.answers(f"{PLAIN}:{port}/health"))  # type: ignore[misc]


def test_what_an_ordinary_user_may_not_see_is_no_finding(patient: Patient) -> None:
    patient.machine.add_user("kai")
    told = patient.machine.run(["homeport", "doctor", "--json", "--config", FILE], user="kai", check=False)
    assert told.code in (0, 4), told.err
    seen = {one["kind"] for one in json.loads(told.out)["findings"]}
    assert not seen & {"never-backed-up", "unmanaged", "port-held", "down", "absent", "data-elsewhere"}, seen


# --- servers ---


def test_a_server_that_does_not_run_is_down_and_monitoring_is_told_so(patient: Patient) -> None:
    sockets = ("homeport-production.socket", "homeport-production-sse.socket")
    patient.machine.systemctl("stop", *sockets, "homeport-production@blue")
    found = patient.shows("down", "production")
    told = patient.homeport("doctor", "--nagios", code=2)
    assert told.out == "HOMEPORT CRITICAL - production is provisioned and does not run. | findings=1\n"
    text = patient.homeport("doctor", code=4).out
    assert "CRITICAL  production: production is provisioned and does not run.  [down]" in text
    assert "    mend: homeport start production" in text
    patient.mend(found, "homeport start production")


def test_a_server_that_says_it_is_ill_is_unhealthy(patient: Patient) -> None:
    patient.machine.write(f"{ROOT}/notes/data/ill", "")
    found = patient.shows("unhealthy", "notes")
    patient.mend(found, "homeport logs notes")
    patient.machine.run(["rm", f"{ROOT}/notes/data/ill"])


def test_a_port_of_one_that_is_held_by_the_server_of_another_is_named_with_both(patient: Patient) -> None:
    machine = patient.machine
    machine.write("/srv/other/homeport.toml", "[environments.staging]\nhttp_port = 3446\nsse_port = 3447\n")
    machine.run(["mkdir", "-p", "/srv/other/staging/data"])
    patient.homeport("stop", "development")
    other = patient.by_hand(["homeport", "serve", "staging"], 3446, cwd="/srv/other")
    found = patient.shows("port-held", "development")
    assert "Port 3446 of development is held by the server of staging." in found["sentence"]
    assert any(f"process {other.pid} " in line for line in found["evidence"])
    patient.mend(found, f"kill {other.pid}")
    machine.until(lambda: not other.is_running)
    patient.mend(found, "homeport start development")


def test_a_development_server_that_was_started_by_hand_is_forgotten_after_a_week(patient: Patient) -> None:
    machine = patient.machine
    patient.homeport("stop", "trial")
    started = patient.by_hand(
        ["node", "server.js"], 3462, cwd="/srv/app", env={"PORT": "3462", "DATA": f"{ROOT}/trial/data"}
    )
    patient.is_silent()
    # The kernel says that the machine was booted eleven days before it was, so that every process is so much older.
    later = re.sub(r"(?m)^btime (\d+)$", lambda boot: f"btime {int(boot[1]) - 11 * 86400}", machine.read("/proc/stat"))
    machine.write("/run/stat", later)
    machine.run(["mount", "--bind", "/run/stat", "/proc/stat"])
    try:
        found = patient.shows("forgotten", "trial")
        assert "has been running for 11 days" in found["sentence"]
    finally:
        machine.run(["umount", "/proc/stat"])
    patient.mend(found, f"kill {started.pid}")
    patient.homeport("start", "trial")


def test_two_environments_that_write_to_the_same_data_are_found_by_what_they_have_open(patient: Patient) -> None:
    patient.homeport("stop", "trial")
    astray = patient.by_hand(
        ["node", "server.js"], 3462, cwd="/srv/app", env={"PORT": "3462", "DATA": f"{ROOT}/notes/data"}
    )
    found = patient.shows("data-shared", "trial")
    assert f"{ROOT}/notes/data" in found["sentence"]
    assert any(f"process {astray.pid} has {ROOT}/notes/data/server.log open" in line for line in found["evidence"])
    patient.mend(found, f"kill {astray.pid}")
    patient.mend(found, "homeport start trial")


@pytest.mark.parametrize("unit", ["@.service", ".socket", "-backup.timer"])
def test_a_unit_that_was_changed_and_not_read_is_read_by_fix(patient: Patient, unit: str) -> None:
    patient.machine.run(["touch", f"/etc/systemd/system/homeport-production{unit}"])
    found = patient.shows("units-not-reloaded", "production")
    assert found["fixable"]
    patient.homeport("doctor", "--fix")


def test_an_edit_by_hand_is_drift_and_is_kept_when_it_is_replaced(patient: Patient) -> None:
    unit = "/etc/systemd/system/homeport-development@.service"
    edited = patient.machine.read(unit).replace("WatchdogSec=30", "WatchdogSec=60")
    patient.machine.write(unit, edited)
    patient.machine.systemctl("daemon-reload")
    found = patient.shows("drift", "development")
    assert found["evidence"] == [f"{unit} was changed by hand since it was provisioned"]
    patient.mend(found, "homeport provision development --overwrite-drift")
    kept = patient.machine.run(["find", f"{ROOT}/development/journal/kept", "-type", "f"]).out.split()
    assert [patient.machine.read(file) for file in kept] == [edited]


# --- data ---


def test_data_that_everybody_may_read_are_closed_by_fix(patient: Patient) -> None:
    patient.machine.run(["chmod", "755", f"{ROOT}/production/data"])
    found = patient.shows("open-to-others", "production")
    told = patient.homeport("doctor", "--nagios", code=1)
    assert told.out.startswith("HOMEPORT WARNING - Every user of this machine may look into ")
    assert (
        f"would make 0750 the mode of {ROOT}/production/data"
        in patient.homeport("doctor", "--fix", "--dry-run", code=4).out
    )
    patient.mend(found, f"chmod o-rwx {ROOT}/production/data")


@pytest.mark.parametrize("path", [CREDENTIALS, KEY], ids=["of-the-places-of-backups", "of-a-unit"])
def test_secrets_that_everybody_may_read_are_found(patient: Patient, path: str) -> None:
    patient.machine.run(["chmod", "644", path])
    found = patient.shows("secret-readable", None)
    assert path in found["sentence"]
    patient.mend(found, f"chmod 600 {path}")


def test_a_repository_that_tracks_data_is_found(patient: Patient) -> None:
    patient.machine.run(["git", "init", "--quiet", ROOT])
    patient.machine.run(["git", "-C", ROOT, "add", "--force", f"{ROOT}/production/data/identity.json"])
    found = patient.shows("data-tracked", "production")
    patient.mend(found, f"git -C {ROOT} rm -r --cached {ROOT}/production/data")
    patient.is_silent()
    patient.machine.run(["rm", "-rf", f"{ROOT}/.git"])


def test_a_process_that_has_data_open_with_an_old_sqlite_is_named(patient: Patient) -> None:
    machine = patient.machine
    database = f"{ROOT}/production/data/homeport.db"
    reader = machine.start(["python3", "-c", READER, database], log="/root/reader.log")
    version = machine.until(lambda: machine.read("/root/reader.log").strip())
    if version != "3.40.1":
        reader.kill()
        pytest.skip(f"this release of the system has SQLite {version}, which is not known to be bad")
    found = patient.shows("sqlite-old", "production")
    assert "with SQLite 3.40.1" in found["sentence"]
    patient.mend(found, f"kill {reader.pid}")
    machine.until(lambda: not reader.is_running)


def test_a_disk_that_is_nearly_full_is_found(patient: Patient) -> None:
    patient.machine.run(["fallocate", "--length", "15500K", f"{ROOT}/trial-backups/ballast"])
    found = patient.shows("disk-nearly-full", "trial")
    assert f"The disk of {ROOT}/trial-backups has " in found["sentence"]
    patient.machine.run(["rm", f"{ROOT}/trial-backups/ballast"])


def test_a_disk_that_is_mounted_read_only_is_found(patient: Patient) -> None:
    patient.machine.run(["mount", "-o", "remount,ro", f"{ROOT}/trial-backups"])
    found = patient.shows("read-only", "trial")
    assert found["sentence"].startswith(f"{ROOT}/trial-backups ")
    patient.mend(found, f"mount -o remount,rw {ROOT}/trial-backups")


def test_a_clock_that_could_be_set_by_the_network_and_is_not_is_found(patient: Patient) -> None:
    with without_the_time(patient):
        found = patient.shows("clock", None)
        assert "it is not synchronised" in found["sentence"]
        patient.mend(found, "timedatectl set-ntp true")
        assert patient.machine.unit("timekeeper.service", "ActiveState")["ActiveState"] == "active"


def test_a_file_from_the_future_tells_of_a_clock_that_was_set_back(patient: Patient) -> None:
    data = f"{ROOT}/development/data"
    patient.machine.run(["touch", "--date=tomorrow", f"{data}/identity.json"])
    found = patient.shows("clock", None)
    assert f"{data} has a file from " in found["sentence"]
    patient.mend(found, f"find {data} -newermt now -exec touch {{}} +")


def test_data_that_say_they_are_anothers_are_found(patient: Patient) -> None:
    identity = f"{ROOT}/development/data/identity.json"
    kept = patient.machine.read(identity)
    patient.machine.write(identity, kept.replace('"development"', '"staging"'))
    patient.shows("data-of-another", "development")
    patient.machine.write(identity, kept)


# --- backups ---


def test_a_timer_of_backups_that_is_switched_off_is_found(patient: Patient) -> None:
    patient.machine.systemctl("disable", "--now", "homeport-production-backup.timer")
    found = patient.shows("backup-job-stopped", "production")
    patient.mend(found, "homeport provision production")


def test_a_backup_that_reaches_no_other_disk_has_failed(patient: Patient) -> None:
    patient.machine.run(["mount", "-o", "remount,ro", ELSEWHERE])
    patient.homeport("backup", "create", "production", code=4)
    found = patient.shows("backup-failed", "production")
    assert any(ELSEWHERE in line for line in found["evidence"])
    patient.machine.run(["mount", "-o", "remount,rw", ELSEWHERE])
    patient.mend(found, "homeport backup create production")


def test_backups_that_lie_on_the_disk_of_their_data_are_found(patient: Patient) -> None:
    patient.machine.run(["umount", ELSEWHERE])
    found = patient.shows("backup-same-disk", "production")
    assert f"{ELSEWHERE} is on it too" in found["evidence"]
    patient.mend(found, "mount --all")


def test_a_backup_whose_archive_or_record_is_no_longer_what_it_was_is_found(patient: Patient) -> None:
    patient.homeport("backup", "create", "production")
    listed = json.loads(patient.homeport("backup", "list", "production", "--json").out)["backups"]
    ids = sorted(one["backup"] for one in listed)
    record = f"{ROOT}/production-backups/data-{ids[-1]}.json"
    kept = patient.machine.read(record)
    patient.machine.write(record, kept[:-100], mode=0o600)
    found = patient.shows("backup-broken", "production")
    assert any(record in line for line in found["evidence"]), found
    patient.machine.write(record, kept, mode=0o600)
    patient.is_silent()
    patient.machine.run(["rm", f"{ROOT}/production-backups/data-{ids[0]}.tar.zst"])
    found = patient.shows("backup-broken", "production")
    assert found["evidence"] == [f"{ids[0]}: its archive is gone"]
    assert "homeport backup verify production" in found["mend"]
    assert f"{ids[0]} at {ROOT}/production-backups: " in patient.homeport("backup", "verify", "production", code=4).out


def test_a_backup_and_a_drill_that_are_too_long_ago_are_found(patient: Patient) -> None:
    records = ["find", f"{ROOT}/production-backups", "-name", "data-*.json", "-exec", "sed", "--in-place"]
    patient.machine.run([*records, r's/"created": ".\{10\}/"created": "2026-01-01/', "{}", "+"])
    patient.mend(patient.shows("backup-old", "production"), "homeport backup create production")
    patient.is_silent()
    patient.machine.run([*records, r's/"\(drilled\|at\)": ".\{10\}/"\1": "2026-01-01/', "{}", "+"])
    patient.mend(patient.shows("drill-old", "production"), "homeport backup drill production")


def test_a_backup_that_does_not_come_back_to_life_is_found(patient: Patient) -> None:
    listed = json.loads(patient.homeport("backup", "list", "production", "--json").out)["backups"]
    newest = max(one["backup"] for one in listed)
    archives = [f"{place}/data-{newest}.tar.zst" for place in (f"{ROOT}/production-backups", ELSEWHERE)]
    for archive in archives:
        patient.machine.run(["truncate", "--size=-100", archive])
    patient.homeport("backup", "drill", "production", code=4)
    found = patient.shows("drill-failed", "production")
    patient.mend(found, "homeport backup create production")
    patient.mend(found, "homeport backup drill production")


@pytest.fixture
def job(patient: Patient) -> Iterator[Patient]:
    with saving(patient):
        yield patient


def test_a_job_of_cron_that_has_not_run_is_found(job: Patient) -> None:
    job.machine.run(["find", SAVED, "-type", "f", "-exec", "touch", "--date=3 days ago", "{}", "+"])
    found = job.shows("backup-job-stopped", "notes")
    assert found["sentence"] == f"The backup job {JOB}, line 1 has not run when it should have."
    job.mend(found, "homeport backup create notes")
    job.machine.run(["save-notes"])


def test_archives_that_shrink_are_found(job: Patient) -> None:
    notes = f"{ROOT}/notes/data/notes.json"
    kept = job.machine.read(notes)
    job.machine.write(notes, "[]")
    job.machine.run(["save-notes"])
    found = job.shows("backup-shrinks", "notes")
    job.machine.write(notes, kept)
    job.mend(found, "homeport backup create notes")
    job.machine.run(["save-notes"])


def test_an_archive_that_does_not_open_is_found(job: Patient) -> None:
    newest = job.machine.run(["find", SAVED, "-type", "f"]).out.strip()
    job.machine.run(["truncate", "--size=-300", newest])
    found = job.shows("backup-does-not-open", "notes")
    assert found["evidence"] == [newest]
    job.mend(found, "homeport backup create notes")
    job.machine.run(["save-notes"])


# --- nginx ---


def test_a_pattern_that_shadows_a_location_is_found(patient: Patient) -> None:
    site(patient, *WELL, passed("~ ^/mcp", "http://127.0.0.1:3444"))
    patient.machine.until(lambda: header_of(patient, "/mcp/dev")[1] == "production")
    found = patient.shows("proxy-misroutes", "development")
    assert "nginx leads /mcp/dev of team.example to http://127.0.0.1:3444" in found["sentence"]
    assert f"mend line 6 of {SITE}" in found["mend"]
    reload_without(patient, found, 6)


def test_a_location_that_passes_on_the_path_as_it_came_is_found(patient: Patient) -> None:
    site(patient, *WELL, passed("= /mcp/dev", "http://localhost:3446"))
    patient.machine.until(lambda: header_of(patient, "/mcp/dev") == (404, "development"))
    found = patient.shows("proxy-path-lost", "development")
    assert "passes /mcp/dev of team.example on as /mcp/dev, which development does not know" in found["sentence"]
    reload_without(patient, found, 6)


def test_answers_that_do_not_say_which_environment_they_are_from_are_found(patient: Patient) -> None:
    site(patient, *WELL, passed("/mcp/notes", "http://127.0.0.1:3460/mcp"))
    patient.machine.until(lambda: header_of(patient, "/mcp/notes") == (200, None))
    found = patient.shows("proxy-lacks-header", "notes")
    reload_without(patient, found, 6)


def test_a_location_that_breaks_streams_is_found(patient: Patient) -> None:
    site(patient, WELL[0], passed("/mcp/dev", "http://127.0.0.1:3446/mcp", "proxy_http_version 1.1;"))
    found = patient.shows("proxy-breaks-streams", "development")
    assert "nginx buffers streams at /mcp/dev of team.example" in found["sentence"]
    patient.machine.run(["sed", "--in-place", "5s/1.1;/1.1; proxy_buffering off;/", SITE])
    patient.mend(found, "nginx -s reload")
    patient.is_silent()
    patient.machine.run(["rm", SITE])


def test_a_configuration_that_nginx_refuses_is_found(patient: Patient) -> None:
    patient.machine.write(SITE, "server { no_such_directive on; }\n")
    found = patient.shows("proxy-invalid", None)
    assert any("no_such_directive" in line for line in found["evidence"])
    patient.machine.run(["rm", SITE])
    patient.mend(found, "nginx -t")
