"""Schedules where there is no systemd."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from homeport.environments.machine.timers import cron_time, crontab
from tests.support.provisioning import PROGRAM, declared


@pytest.mark.parametrize(
    ("schedule", "fields"),
    [
        ("*-*-* 00/6:10:00", "10 */6 * * *"),
        ("Sun *-*-* 04:40:00", "40 4 * * 0"),
        ("*-*-* *:25:00", "25 * * * *"),
        ("*-*-* *:00/5:00", "*/5 * * * *"),
        ("*-*-* 03,15:05", "5 3,15 * * *"),
        ("daily", "0 0 * * *"),
        ("Foo *-*-* 04:40:00", None),
        ("2027-01-01 00:00:00", None),
        ("*-*-* 04:40:30", None),
        ("*-*-* 2/6:40:00", None),
    ],
)
def test_a_schedule_is_said_in_crons_words_or_not_at_all(schedule: str, fields: str | None) -> None:
    assert cron_time(schedule) == fields


def test_what_cron_cannot_say_is_named_and_a_percent_sign_does_not_end_the_line() -> None:
    odd = type(PROGRAM)(("/opt/100%/homeport",), PurePosixPath("/srv/t.toml"))
    lines = list(crontab(declared('drill_schedule = "quarterly"\ndoctor_schedule = ""'), odd))
    assert lines == [
        "10 */6 * * * /opt/100\\%/homeport backup create production --origin schedule --wait 3600 --config /srv/t.toml",
        "# 'quarterly' (drill_schedule) cannot be said in cron's way",
    ]
