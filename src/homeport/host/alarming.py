"""Raises the alarm, and sends the heartbeat: each way by itself, so that one that fails stops no other."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from homeport import __version__
from homeport.environments.backups.alarms import (
    AlarmState,
    alarm_document,
    alarm_subject,
    alarm_text,
    decide_alarm,
)
from homeport.environments.doctor.finding import Finding
from homeport.environments.environment import Environment
from homeport.errors import HomeportError
from homeport.files import write_atomically
from homeport.host.commands import run_command

FILE_NAME: Final = "alarm.json"
SECONDS: Final = 15.0
"""For each way: an address that does not answer must not keep a backup from ending."""

Announce = Callable[[str, str], None]
"""Puts a message with a subject and a body into everybody's inbox; raises HomeportError."""


def raise_alarm(
    environment: Environment, findings: Sequence[Finding], announce: Announce | None, now: datetime
) -> list[str]:
    """Tells whoever is declared to be told, if there is something to tell.

    Args:
        environment: whose findings; its journal directory must exist.
        findings: all that are wrong with it now.
        announce: the way into the people's inbox; None where the server is not Homeport's own and has none.
        now: the time, with a zone.

    Returns:
        Which ways failed, in words; an alarm that reached nobody at all is told again the next time.
    """
    file = Path(environment.journal_directory) / FILE_NAME
    decision = decide_alarm(findings, _read_state(file), now)
    failed = []
    if decision.heartbeat and environment.backup.heartbeat:
        failed += _tried("the heartbeat", lambda: _call(environment.backup.heartbeat, None))
    if not decision.tell:
        _write_state(file, decision.state)
        return failed
    document = alarm_document(environment.name, findings, now)
    ways = _ways(environment, document, findings, announce)
    broken = [text for name, way in ways for text in _tried(name, way)]
    if len(broken) < len(ways) or not ways:
        _write_state(file, decision.state)
    return failed + broken


def _ways(
    environment: Environment, document: dict[str, Any], findings: Sequence[Finding], announce: Announce | None
) -> list[tuple[str, Callable[[], None]]]:
    subject = alarm_subject(environment.name, findings)
    ways: list[tuple[str, Callable[[], None]]] = []
    if announce is not None:
        ways.append(("the inbox", lambda: announce(subject, alarm_text(findings))))
    if environment.backup.alarm_url:
        ways.append(("alarm_url", lambda: _call(environment.backup.alarm_url, document)))
    if environment.alarm:
        ways.append(("alarm", lambda: _run(environment.alarm, document)))
    return ways


def _tried(name: str, way: Callable[[], None]) -> list[str]:
    try:
        way()
    except (HomeportError, OSError, ValueError) as error:
        return [f"{name}: {error}"]
    return []


def _call(url: str, document: dict[str, Any] | None) -> None:
    """A GET, or a POST of a JSON document. What the URL's path says may be a secret, and is in no error."""
    body = None if document is None else json.dumps(document).encode()
    headers = {"User-Agent": f"homeport/{__version__}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - http and https alone are declared
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            answer.read(4096)
    except urllib.error.HTTPError as error:
        raise HomeportError(f"{request.host} answers {error.code}.") from None
    except (urllib.error.URLError, TimeoutError) as error:
        raise HomeportError(f"{request.host} cannot be reached: {getattr(error, 'reason', error)}.") from None


def _run(command: Sequence[str], document: dict[str, Any]) -> None:
    done = run_command((*command, str(document["environment"])), seconds=SECONDS, given=json.dumps(document))
    if done.code != 0:
        raise HomeportError(f"{command[0]} ended with exit code {done.code}: {done.last_words}")


def _read_state(file: Path) -> AlarmState:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return AlarmState(tuple(map(str, found["kinds"])), found["told_at"])
    except (OSError, ValueError, KeyError, TypeError):
        # Whatever became of it: told once too often is better than not at all.
        return AlarmState()


def _write_state(file: Path, state: AlarmState) -> None:
    write_atomically(file, json.dumps(state.as_json()) + "\n", mode=0o600)
