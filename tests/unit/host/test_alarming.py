"""The alarm is raised by every declared way, and one that fails stops no other."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path, PurePosixPath

from homeport.environments.backup_settings import BackupSettings
from homeport.environments.declaration import parse_declaration
from homeport.environments.environment import Environment
from homeport.errors import HomeportError
from homeport.host.alarming import raise_alarm
from tests.unit.environments.backups.test_alarms import finding

NOW = datetime(2026, 10, 2, 6, 15, tzinfo=UTC)


@dataclass
class Ear:
    """An HTTP server that remembers what it was told."""

    url: str = ""
    status: int = 200
    heard: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Ear]:
    ear = Ear()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._hear()

        def do_POST(self) -> None:
            self._hear()

        def _hear(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            ear.heard.append((f"{self.command} {self.path}", body))
            self.send_response(ear.status)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        ear.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield ear
        finally:
            server.shutdown()
            thread.join()


def environment_in(root: Path, *, alarm: tuple[str, ...] = (), **policy: object) -> Environment:
    made = parse_declaration("[environments.production]\n", PurePosixPath(root) / "h.toml").environment("production")
    Path(made.journal_directory).mkdir(parents=True)
    return replace(made, alarm=alarm, backup=BackupSettings.model_validate(policy))


def unheard(subject: str, body: str) -> None:
    raise HomeportError("The disk is full.")


def test_the_heartbeat_is_a_plain_call_and_nothing_else_happens(tmp_path: Path) -> None:
    with listening() as ear:
        environment = environment_in(tmp_path, heartbeat=f"{ear.url}/secret-path", alarm_url=f"{ear.url}/alarm")
        assert raise_alarm(environment, [], unheard, NOW) == []
        assert ear.heard == [("GET /secret-path", "")]


def test_an_alarm_goes_every_way_and_the_heartbeat_stays_away(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    script = f"import sys; open({str(tmp_path / 'told')!r}, 'w').write(sys.argv[1] + sys.stdin.read())"
    with listening() as ear:
        environment = environment_in(
            tmp_path, alarm=(sys.executable, "-c", script), heartbeat=f"{ear.url}/beat", alarm_url=f"{ear.url}/alarm"
        )
        assert raise_alarm(environment, [finding("backup-old")], lambda *texts: told.append(texts), NOW) == []
        ((request, body),) = ear.heard
    assert request == "POST /alarm"
    assert json.loads(body)["findings"][0]["kind"] == "backup-old"
    assert told[0][0] == "production: backup-old is wrong."
    assert (tmp_path / "told").read_text().startswith('production{"application"')


def test_a_way_that_fails_stops_no_other_and_is_named_without_its_path(tmp_path: Path) -> None:
    with listening() as ear:
        environment = environment_in(tmp_path, alarm=("false",), alarm_url=f"{ear.url}/secret-path")
        ear.status = 500
        inbox, url, program = raise_alarm(environment, [finding("down")], unheard, NOW)
    assert inbox == "the inbox: The disk is full."
    assert url.endswith("answers 500.")
    assert "secret-path" not in url
    assert "exit code 1" in program


def test_an_alarm_that_reached_nobody_is_told_again_the_next_time(tmp_path: Path) -> None:
    told: list[str] = []
    environment = environment_in(tmp_path, alarm_url="http://127.0.0.1:9/")
    assert len(raise_alarm(environment, [finding("down")], unheard, NOW)) == 2
    raise_alarm(environment, [finding("down")], lambda subject, _: told.append(subject), NOW + timedelta(minutes=1))
    raise_alarm(environment, [finding("down")], lambda subject, _: told.append(subject), NOW + timedelta(minutes=2))
    assert told == ["production: down is wrong."]


def test_a_state_that_was_damaged_is_as_if_nothing_was_told(tmp_path: Path) -> None:
    environment = environment_in(tmp_path)
    (Path(environment.journal_directory) / "alarm.json").write_text("{")
    told: list[str] = []
    raise_alarm(environment, [finding("down")], lambda subject, _: told.append(subject), NOW)
    assert len(told) == 1
