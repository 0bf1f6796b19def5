"""The pages of environments: what was last seen of them, how old that is, and what a file may say that is no survey."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from homeport.contract.survey import AheadSeen
from homeport.environments.status.survey import survey_text
from homeport.host.declaration_file import read_declaration
from homeport.host.status.surveying import survey
from tests.support.checkouts import commit, git, new_repository
from tests.support.desk import START
from tests.support.ports import free_ports
from tests.support.running import PROGRAM, running, workspace
from tests.support.site import served
from tests.support.surveys import HOSTILE, HOUR, a_survey
from tests.support.visitor import HTML, Visitor, words_of


async def test_all_environments_stand_side_by_side_with_what_differs() -> None:
    text = survey_text(a_survey()).encode()
    async with served(survey=lambda: text) as site:
        page = await Visitor(site).get("/environments")
        words = words_of(page)
        for said in (
            "As of just now , when the doctor looked.",
            "production people rely on it healthy",
            "development may be broken · you are here ill",
            "It does not answer.",
            "a copy of production as it was 3 d ago",
            "1 h ago , never proven",
            "development has 3 commits that production has not One Two and 1 more",
            "Schema 0006 unknown",
            "auth tokens open",
        ):
            assert said in words, said
        assert "log_format" not in words
        assert "<form" not in page.text.partition("<main")[2].replace('<form method="dialog"', "")


async def test_an_environment_shows_its_findings_backups_releases_and_journal_harmlessly() -> None:
    text = survey_text(a_survey()).encode()
    async with served(survey=lambda: text) as site:
        page = await Visitor(site).get("/environments/production")
        words = words_of(page)
        assert HOSTILE not in page.text
        for said in (
            f"An old drill {HOSTILE}.",
            "homeport backup drill production",
            "1 backup, restored in a drill",
            "1.0 MB to 2.0 MB since 1 h ago",
            "r1 serves",
            "undone : It was ill.",
        ):
            assert said in words, said
        assert (await Visitor(site).get("/environments/nowhere")).status_code == 404
        assert (await Visitor(site).get("/environments/%3Cb%3E")).status_code == 404


async def test_what_the_doctor_found_needs_somebody() -> None:
    survey = a_survey()
    (production, development) = survey.environments
    ill = replace(survey, environments=(production, replace(development, findings=production.findings)))
    async with served(survey=survey_text(ill).encode) as site:
        page = await Visitor(site).get("/")
        assert "1 finding." in words_of(page)
        assert "An old drill" in words_of(page)
        assert HOSTILE not in page.text
    # Another environment's are its own pages' business.
    async with served(survey=survey_text(survey).encode) as site:
        assert "All is quiet." in words_of(await Visitor(site).get("/"))


async def test_what_was_seen_long_ago_says_so_and_what_nobody_saw_too() -> None:
    text = survey_text(a_survey(START - 5 * HOUR)).encode()
    async with served(survey=lambda: text) as site:
        words = words_of(await Visitor(site).get("/environments"))
        assert "As of 5 h ago . The doctor" in words
        assert "timer should have looked since. homeport doctor --alarm" in words
    async with served() as site:
        words = words_of(await Visitor(site).get("/environments"))
        assert "Nobody has looked at all environments yet." in words
        assert "development you are here healthy" in words
        own = await Visitor(site).get("/environments/development")
        assert own.status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[" * 50_000,
        b"\xff\xfe",
        b'{"at": "yesterday", "environments": []}',
        b'{"at": "2026-11-26T00:00:00Z", "environments": [{"name": 1}]}',
        survey_text(a_survey()).encode().replace(b'"created":"', b'"created":"about '),
        survey_text(a_survey()).encode().replace(b'"bytes":1000000', b'"bytes":"many"'),
    ],
)
async def test_a_file_that_is_no_survey_is_said_to_be_none(text: bytes) -> None:
    async with served(survey=lambda: text) as site:
        page = await Visitor(site).get("/environments")
        assert page.status_code == 200
        assert "What was last seen cannot be read:" in words_of(page)


async def test_a_survey_of_a_newer_version_is_read_as_far_as_it_is_known() -> None:
    found = json.loads(survey_text(a_survey()))
    found["weather"] = "fair"
    found["environments"][0]["moon"] = 1
    async with served(survey=lambda: json.dumps(found).encode()) as site:
        assert "people rely on it" in words_of(await Visitor(site).get("/environments"))


@pytest.mark.slow
def test_what_the_doctor_sees_is_on_the_pages_of_a_running_server(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    journal = tmp_path / "development" / "journal"
    journal.mkdir()
    with running(place):
        headers = {"accept": HTML}
        before = httpx2.get(f"{place.url}/environments", headers=headers, timeout=60)
        assert "Nobody has looked" in before.text
        backup = [*PROGRAM, "--config", str(place.file), "backup", "create", "development"]
        made = subprocess.run(backup, capture_output=True, text=True, timeout=120, check=False)
        assert made.returncode == 0, made.stderr
        doctor = [*PROGRAM, "--config", str(place.file), "doctor", "--alarm"]
        looked = subprocess.run(doctor, capture_output=True, text=True, timeout=120, check=False)
        assert "Traceback" not in looked.stderr
        after = httpx2.get(f"{place.url}/environments/development", headers=headers, timeout=60)
        assert "when the doctor looked" in after.text
        assert ": 1 backup" in after.text
        (found,) = json.loads((journal / "survey.json").read_text())["environments"]
        assert found["version"] is not None
        assert found["backups"][0]["state"] == "good"
        assert [one["operation"] for one in found["journal"]] == ["backup create"]


def test_commits_that_one_environment_has_and_another_lacks_are_named(tmp_path: Path) -> None:
    home = new_repository(tmp_path / "home")
    commit(home, "The first", a_txt="1")
    for name in ("production", "development"):
        git(tmp_path, "clone", "--quiet", str(home), str(tmp_path / f"of-{name}"))
    last = commit(tmp_path / "of-development", "Two more <b>", a_txt="2")
    file = tmp_path / "homeport.toml"
    ports = iter(free_ports(4))
    file.write_text(
        "".join(
            f'[environments.{name}]\ncheckout = "{tmp_path}/of-{name}"\n'
            f"http_port = {next(ports)}\nsse_port = {next(ports)}\n"
            for name in ("production", "development")
        )
    )
    environments = list(read_declaration(file).environments.values())
    found = survey(environments, file, "0.0.0", (), datetime.now(UTC))
    assert found.ahead == (AheadSeen(environment="development", of="production", count=1, commits=("Two more <b>",)),)
    assert found.environments[1].commit == last
    assert found.environments[0].condition in ("absent", "down")
    assert found.environments[0].settings["auth"] == "tokens"
    # What could be secret is not among what is told.
    assert not any("variables" in name or "command" in name for name in found.environments[0].settings)
