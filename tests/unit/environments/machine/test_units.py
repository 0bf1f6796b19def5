"""The texts of units: what must hold of them, whatever is declared."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from homeport.environments.machine.requests import request_texts
from homeport.environments.machine.timers import timer_texts
from homeport.environments.machine.units import STARTS, STARTS_SECONDS, slot_units, unit_texts
from tests.support.provisioning import PROGRAM, declared, lines_of

HAS_ANALYZE = shutil.which("systemd-analyze") is not None


def test_each_port_has_a_socket_of_its_own_with_the_name_that_the_server_knows() -> None:
    texts = unit_texts(declared(), PROGRAM)
    http, sse = lines_of(texts["homeport-production.socket"]), lines_of(texts["homeport-production-sse.socket"])
    assert (http["ListenStream"], http["FileDescriptorName"]) == (["127.0.0.1:3444"], ["http"])
    assert (sse["ListenStream"], sse["FileDescriptorName"]) == (["127.0.0.1:3445"], ["sse"])
    # Both start the same slot, which asks for both.
    assert http["Service"] == sse["Service"] == [slot_units(declared())[0]]
    service = lines_of(texts["homeport-production@.service"])
    assert service["Sockets"] == ["homeport-production.socket homeport-production-sse.socket"] == service["Requires"]


def test_an_environment_without_sse_has_one_socket() -> None:
    texts = unit_texts(declared('protocols = ["http"]'), PROGRAM)
    assert [name for name in texts if name.endswith(".socket")] == ["homeport-production.socket"]
    assert lines_of(texts["homeport-production@.service"])["Sockets"] == ["homeport-production.socket"]


def test_an_address_of_six_groups_is_written_in_brackets() -> None:
    texts = unit_texts(declared('listen = "::1"'), PROGRAM)
    assert lines_of(texts["homeport-production.socket"])["ListenStream"] == ["[::1]:3444"]


def test_what_the_unit_may_write_is_the_declared_data_and_logs_and_nothing_else() -> None:
    service = lines_of(unit_texts(declared('data = "/mnt/big disk/data"'), PROGRAM)["homeport-production@.service"])
    assert service["ReadWritePaths"] == ['"/mnt/big disk/data" /srv/team/production/logs']
    assert service["RequiresMountsFor"] == service["ReadWritePaths"]
    assert service["ProtectSystem"] == ["strict"]
    assert service["InaccessiblePaths"] == ["-/srv/team/production-backups"]


def test_what_is_not_protected_leaves_half_of_the_memory_to_what_is() -> None:
    def limit(extra: str) -> list[str]:
        return lines_of(unit_texts(declared(extra), PROGRAM)["homeport-production@.service"])["MemoryMax"]

    assert (limit(""), limit("protected = false")) == (["75%"], ["50%"])


def test_data_below_a_home_can_be_seen_and_all_other_homes_are_hidden_else() -> None:
    def home(extra: str) -> list[str]:
        return lines_of(unit_texts(declared(extra), PROGRAM)["homeport-production@.service"])["ProtectHome"]

    assert home("") == ["yes"]
    assert home('data = "/home/ada/data"') == ["read-only"]


def test_a_percent_sign_or_a_dollar_in_a_path_means_itself() -> None:
    service = lines_of(unit_texts(declared('data = "/srv/100%h/$HOME"'), PROGRAM)["homeport-production@.service"])
    assert service["ReadWritePaths"][0].split()[0] == '"/srv/100%%h/$HOME"'
    odd = type(PROGRAM)(("/opt/$x/py%thon",), PurePosixPath("/srv/a b/homeport.toml"))
    command = lines_of(unit_texts(declared(), odd)["homeport-production@.service"])["ExecStart"][0]
    assert command.startswith('"/opt/$$x/py%%thon" -P -m homeport serve production --config "/srv/a b/homeport.toml"')


def test_starts_that_hang_as_long_as_they_may_still_reach_the_limit() -> None:
    service = lines_of(unit_texts(declared(), PROGRAM)["homeport-production@.service"])
    one = int(service["TimeoutStartSec"][0]) + int(service["RestartSec"][0])
    assert STARTS * one < STARTS_SECONDS
    assert (service["StartLimitBurst"], service["StartLimitIntervalSec"]) == ([str(STARTS)], [str(STARTS_SECONDS)])
    assert service["RestartPreventExitStatus"] == ["78"]
    assert int(service["TimeoutStopSec"][0]) > 26


def test_a_failure_for_good_is_told_to_the_alarm_with_the_units_name() -> None:
    texts = unit_texts(declared('alarm = ["/usr/bin/mail", "-s", "100% gone", "ada"]'), PROGRAM)
    assert lines_of(texts["homeport-production@.service"])["OnFailure"] == ["homeport-production-failed@%N.service"]
    told = lines_of(texts["homeport-production-failed@.service"])["ExecStart"]
    assert told[-1] == '/usr/bin/mail -s "100%% gone" ada %i'
    assert any("--priority=alert" in line for line in told)


def test_a_slot_that_does_not_come_up_while_the_other_one_serves_raises_no_alarm() -> None:
    failed = lines_of(unit_texts(declared(), PROGRAM)["homeport-production-failed@.service"])
    assert failed["ExecCondition"] == [
        "/usr/bin/test %i != homeport-production@blue -o ! -S /run/homeport-production-green/probe.sock",
        "/usr/bin/test %i != homeport-production@green -o ! -S /run/homeport-production-blue/probe.sock",
    ]
    other = lines_of(
        unit_texts(declared("command = ['node', 'server.js']"), PROGRAM)["homeport-production-failed@.service"]
    )
    assert "ExecCondition" not in other


def test_credentials_are_handed_over_by_systemd_and_stand_in_no_variable() -> None:
    texts = unit_texts(declared('unit_credentials = ["key:/etc/homeport/a key"]'), PROGRAM)
    service = lines_of(texts["homeport-production@.service"])
    assert service["LoadCredential"] == ['"key:/etc/homeport/a key"']
    assert "Environment" not in service


def test_a_timer_that_has_no_schedule_is_not_there() -> None:
    texts = timer_texts(declared('drill_schedule = ""'), PROGRAM)
    assert sorted(texts) == [
        "homeport-production-backup.service",
        "homeport-production-backup.timer",
        "homeport-production-doctor.service",
        "homeport-production-doctor.timer",
    ]


def test_a_timer_catches_up_and_its_failure_is_as_loud_as_the_servers() -> None:
    texts = timer_texts(declared(), PROGRAM)
    assert lines_of(texts["homeport-production-backup.timer"])["Persistent"] == ["true"]
    for name, text in texts.items():
        if name.endswith(".service"):
            assert lines_of(text)["OnFailure"] == ["homeport-production-failed@%N.service"]
    backup = lines_of(texts["homeport-production-backup.service"])
    told = "backup create production --origin schedule --wait 3600 --config /srv/team/homeport.toml"
    assert backup["ExecStart"] == [f"/opt/homeport/bin/python -P -m homeport {told}"]
    assert "/srv/team/production-backups" in backup["ReadWritePaths"][0].split()


@pytest.mark.skipif(not HAS_ANALYZE, reason="systemd-analyze is not here")
@pytest.mark.parametrize("extra", ["", 'data = "/home/ada/data"', 'protocols = ["http"]'])
def test_the_unit_scores_a_point_and_a_half_or_better(extra: str, tmp_path: Path) -> None:
    text = unit_texts(declared(extra), PROGRAM)["homeport-production@.service"]
    unit = tmp_path / "homeport-production@blue.service"
    unit.write_text(text, encoding="utf-8")
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-300:]
    assert "Overall exposure level" in told.stdout


FOLLOW = """
checkout = "/srv/team/checkout"
[environments.production.follow]
branches = ["main"]
poll_schedule = "*-*-* *:00/5:00"
webhook_secret = "/etc/homeport/webhook"
"""


def test_what_webhooks_ask_for_is_picked_up_by_root_and_not_by_the_server() -> None:
    environment = declared(FOLLOW)
    texts = request_texts(environment, PROGRAM)
    path = lines_of(texts["homeport-production-requests.path"])
    assert path["PathExistsGlob"] == ["/srv/team/production/requests/*.request.json"]
    service = lines_of(texts["homeport-production-requests.service"])
    assert "requests production" in service["ExecStart"][0]
    assert "User" not in service
    assert service["ProtectSystem"] == ["full"]
    written = lines_of(unit_texts(environment, PROGRAM)["homeport-production@.service"])["ReadWritePaths"]
    assert "/srv/team/production/requests" in written[0].split()
    assert request_texts(declared(), PROGRAM) == {}


def test_a_poll_is_a_timer_where_it_is_declared() -> None:
    texts = timer_texts(declared(FOLLOW), PROGRAM)
    assert lines_of(texts["homeport-production-poll.timer"])["OnCalendar"] == ["*-*-* *:00/5:00"]
    assert "poll production" in lines_of(texts["homeport-production-poll.service"])["ExecStart"][0]
    assert "homeport-production-poll.timer" not in timer_texts(declared(), PROGRAM)


def test_where_there_are_releases_each_slot_runs_what_its_own_link_leads_to() -> None:
    environment = declared('source = "/srv/source"\ndirectory = "/srv/a place"\n')
    command = lines_of(unit_texts(environment, PROGRAM)["homeport-production@.service"])["ExecStart"][0]
    assert command.startswith('"/srv/a place/slots/%i/bin/python" -P -m homeport serve production --config ')
    foreign = declared('source = "/srv/source"\ncommand = ["node", "server.js"]\nprotocols = ["http"]\n')
    service = lines_of(unit_texts(foreign, PROGRAM)["homeport-production@.service"])
    assert service["ExecStart"] == ["node server.js"]
    assert service["WorkingDirectory"] == [str(foreign.current_release)]
