"""What a doctor could have seen of two environments, with something in it that must not act on a page."""

from __future__ import annotations

from typing import Final

from homeport.contract.survey import (
    AheadSeen,
    BackupSeen,
    DrillSeen,
    EnvironmentSeen,
    FindingSeen,
    OperationSeen,
    ReleaseSeen,
    Survey,
)
from homeport.coordination.values import Millis, iso
from tests.support.desk import START

HOUR: Final = 60 * 60 * 1000
HOSTILE: Final = "<script>alert(1)</script>"


def a_survey(at: Millis = START) -> Survey:
    """Production, which is relied on, and development, which is ahead of it and ill."""
    drill = DrillSeen(at=iso(START - HOUR), outcome="passed", depth="served", seconds=2.5)
    production = EnvironmentSeen(
        name="production",
        protected=True,
        url="http://127.0.0.1:3444",
        condition="healthy",
        version="0.1.0",
        commit="a" * 40,
        schema="0006",
        data_bytes=2_000_000,
        last_backup=iso(START - HOUR),
        settings={"auth": "tokens", "log_format": "json"},
        backups=(BackupSeen(id="b1", created=iso(START - HOUR), state="good", bytes=1_000_000, drill=drill),),
        releases=(
            ReleaseSeen(
                id="r1", commit="a" * 40, state="good", created=iso(START), by="ada", serves=True, changes=(HOSTILE,)
            ),
        ),
        findings=(
            FindingSeen(
                kind="drill-old",
                severity="critical",
                sentence=f"An old drill {HOSTILE}.",
                consequence="A hope.",
                mend="homeport backup drill production",
                evidence=("seen",),
            ),
        ),
        journal=(
            OperationSeen(
                id="o1", operation="deploy", by=HOSTILE, begun_at=iso(START), outcome="undone", sentence="It was ill."
            ),
        ),
    )
    development = EnvironmentSeen(
        name="development",
        protected=False,
        url="http://127.0.0.1:3446",
        condition="ill",
        data_bytes=1,
        remarks=("It does not answer.",),
        origin="production",
        origin_at=iso(START - 3 * 24 * HOUR),
        settings={"auth": "open", "log_format": "json"},
    )
    ahead = AheadSeen(environment="development", of="production", count=3, commits=("One", "Two"))
    return Survey(at=iso(at), environments=(production, development), ahead=(ahead,))
