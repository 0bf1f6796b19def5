"""Which steps follow from which facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from homeport.environments.environment import Environment
from homeport.environments.machine.drift import find_drift
from homeport.environments.machine.facts import FoundDirectory, FoundFile, MachineFacts, NginxFacts, UnitState
from homeport.environments.machine.nginx import include_line
from homeport.environments.machine.provisioning import plan_provision
from homeport.environments.machine.record import FILE_NAME, read_record
from homeport.environments.machine.site import ServerBlock, SiteFile
from homeport.environments.machine.steps import (
    GiveTree,
    JudgeNginx,
    JudgeUnits,
    MakeUser,
    ProbeSandbox,
    ReloadUnits,
    SwitchUnit,
)
from homeport.environments.machine.timers import timer_units
from homeport.environments.machine.units import UNITS_DIRECTORY, slot_units, socket_units
from homeport.environments.machine.unprovisioning import plan_unprovision
from homeport.environments.machine.wanted import wanted_directories
from homeport.environments.plan import Plan
from homeport.environments.steps import Link, MakeDirectory, RemoveFile, RemoveTree, WriteFile
from homeport.errors import GuardError, HomeportError
from tests.support.provisioning import PROGRAM, declared, lines_of

UNIT = UNITS_DIRECTORY / "homeport-production@.service"
NGINX = NginxFacts(active=True, site=None)
BARE = MachineFacts(nginx=NGINX)


def after(environment: Environment, plan: Plan, facts: MachineFacts) -> MachineFacts:
    """The facts of a machine on which a plan was carried out."""
    files = dict(facts.files)
    for step in plan.steps:
        if isinstance(step, WriteFile):
            files[step.path] = FoundFile(step.text, step.mode)
        elif isinstance(step, RemoveFile):
            files.pop(step.path, None)
    record = files.pop(environment.journal_directory / FILE_NAME, None)
    on = UnitState(known=True, enabled=True, active=True)
    units = dict.fromkeys((*socket_units(environment), *timer_units(environment, PROGRAM)), on)
    site = facts.nginx.site if facts.nginx is not None else None
    if environment.proxy is not None and environment.proxy.site in files:
        site = SiteFile(environment.proxy.site, files.pop(environment.proxy.site).text or "", ())
        site = replace(site, blocks=(_block(environment),))
    return replace(
        facts,
        users=frozenset({environment.user}),
        files=files,
        directories={one.path: FoundDirectory(one.mode, one.owner) for one in wanted_directories(environment)},
        units={**units, slot_units(environment)[0]: on},
        nginx=None if facts.nginx is None else replace(facts.nginx, site=site),
        record=facts.record if record is None else read_record(record.text or "", "record"),
    )


def _block(environment: Environment) -> ServerBlock:
    assert environment.proxy is not None
    include = include_line(environment.proxy).removeprefix("include ").removesuffix(";")
    return ServerBlock(3, (environment.proxy.server_name,), has_tls=False, locations=(), includes=(include,))


def provisioned(environment: Environment, facts: MachineFacts = BARE) -> MachineFacts:
    return after(environment, plan_provision(environment, PROGRAM, facts).plan, facts)


def edited(facts: MachineFacts, texts: Mapping[PurePosixPath, str | None]) -> MachineFacts:
    files = {path: found for path, found in facts.files.items() if texts.get(path, "") is not None}
    files |= {path: FoundFile(text, 0o644) for path, text in texts.items() if text is not None}
    return replace(facts, files=files)


@pytest.mark.parametrize("settings", ["", 'proxy = "nginx"', 'protocols = ["http"]\nbackup_schedule = ""'])
def test_a_second_run_changes_nothing(settings: str) -> None:
    environment = declared(settings)
    facts = provisioned(environment)
    again = plan_provision(environment, PROGRAM, facts)
    assert again.changes_nothing
    assert not again.drift


def test_a_plan_survives_the_journal_and_equal_facts_give_an_equal_plan() -> None:
    environment = declared('proxy = "nginx"')
    plan = plan_provision(environment, PROGRAM, BARE).plan
    assert Plan.from_json(plan.as_json()) == plan
    assert plan_provision(environment, PROGRAM, BARE).plan == plan
    assert all(step.reversible for step in plan.steps)


def test_everything_is_judged_before_anything_is_in_place() -> None:
    steps = plan_provision(declared('proxy = "nginx"'), PROGRAM, BARE).plan.steps
    kinds = [type(step) for step in steps]
    first_file = kinds.index(WriteFile)
    assert all(kinds.index(kind) < first_file for kind in (JudgeUnits, JudgeNginx, MakeUser, ProbeSandbox))
    # The user and the directories are needed by the probe, and by nothing that runs.
    assert kinds.index(MakeUser) < kinds.index(MakeDirectory) < kinds.index(ProbeSandbox)
    assert isinstance(steps[-1], WriteFile)
    assert steps[-1].path.name == FILE_NAME


def test_a_changed_declaration_restarts_what_runs_and_nothing_else() -> None:
    facts = provisioned(declared())
    steps = plan_provision(declared("http_port = 4000"), PROGRAM, facts).plan.steps
    reloads = [step for step in steps if isinstance(step, ReloadUnits)]
    assert [step.way for step in reloads] == ["back", "forth"]
    assert reloads[0].sockets == reloads[1].sockets == ("homeport-production.socket",)
    assert reloads[1].services == ("homeport-production@blue.service",)
    only_timer = plan_provision(declared('drill_schedule = "monthly"'), PROGRAM, facts).plan.steps
    assert [step.services for step in only_timer if isinstance(step, ReloadUnits)] == [(), ()]


def test_whichever_slot_runs_is_left_to_run() -> None:
    environment = declared()
    facts = provisioned(environment)
    blue, green = slot_units(environment)
    moved = {**facts.units, blue: UnitState(known=True, enabled=True), green: UnitState(known=True, active=True)}
    assert plan_provision(environment, PROGRAM, replace(facts, units=moved)).changes_nothing


def test_what_is_no_longer_declared_is_switched_off_and_taken_away() -> None:
    facts = provisioned(declared())
    steps = plan_provision(declared('protocols = ["http"]\ndrill_schedule = ""'), PROGRAM, facts).plan.steps
    gone = {step.path.name for step in steps if isinstance(step, RemoveFile)}
    assert gone == {
        "homeport-production-sse.socket",
        "homeport-production-drill.timer",
        "homeport-production-drill.service",
    }
    off = {step.unit for step in steps if isinstance(step, SwitchUnit) and step.active is False}
    assert off == {"homeport-production-sse.socket", "homeport-production-drill.timer"}


def test_an_edit_by_hand_is_refused_and_named_and_with_the_flag_kept_and_replaced() -> None:
    environment = declared()
    facts = edited(provisioned(environment), {UNIT: "[Service]\nExecStart=/bin/mine\n"})
    assert [(one.path, one.kind) for one in find_drift(environment, PROGRAM, facts)] == [(UNIT, "edited")]
    with pytest.raises(GuardError, match="changed by hand"):
        plan_provision(environment, PROGRAM, facts)
    steps = plan_provision(environment, PROGRAM, facts, overwrite=True).plan.steps
    written = {step.path: step.text for step in steps if isinstance(step, WriteFile)}
    kept = [text for path, text in written.items() if path.parent == environment.journal_directory / "kept"]
    assert kept == ["[Service]\nExecStart=/bin/mine\n"]
    assert written[UNIT] != kept[0]


def test_an_edit_that_says_what_is_declared_now_is_no_drift() -> None:
    facts = provisioned(declared())
    later = declared('data = "/mnt/data"')
    text = provisioned(later).files[UNIT].text
    found = {one.path: one.kind for one in find_drift(later, PROGRAM, edited(facts, {UNIT: text}))}
    assert UNIT not in found
    # What nobody edited and is declared otherwise by now is told apart.
    assert set(found.values()) == {"outdated"}


def test_what_was_there_before_homeport_is_not_replaced_in_silence() -> None:
    facts = MachineFacts(files={UNIT: FoundFile("[Service]\n", 0o644)})
    with pytest.raises(GuardError, match="before Homeport"):
        plan_provision(declared(), PROGRAM, facts)


def test_what_was_removed_is_reported_and_made_anew() -> None:
    environment = declared()
    facts = edited(provisioned(environment), {UNIT: None})
    made = plan_provision(environment, PROGRAM, facts)
    assert [one.kind for one in made.drift] == ["removed"]
    assert UNIT in {step.path for step in made.plan.steps if isinstance(step, WriteFile)}


def test_a_drop_in_is_named_and_stays() -> None:
    environment = declared()
    facts = provisioned(environment)
    place = PurePosixPath("/etc/systemd/system/homeport-production@.service.d/override.conf")
    units = {name: replace(state, replaced=(place,)) for name, state in facts.units.items()}
    made = plan_provision(environment, PROGRAM, replace(facts, units=units))
    assert made.changes_nothing
    assert [(one.path, one.kind) for one in made.drift] == [(place, "override")]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (MachineFacts(ports_held={3444: "process 7 (node)"}), "held by process 7"),
        (MachineFacts(lacking=(("There is no /etc/keys/api.", "Write it."),)), "There is no /etc/keys/api"),
        (MachineFacts(closed=("/root is closed to other users",)), "/root is closed"),
    ],
)
def test_what_units_would_meet_is_refused_before_anything_is_changed(facts: MachineFacts, said: str) -> None:
    with pytest.raises(GuardError, match=said):
        plan_provision(declared(), PROGRAM, facts)


def test_nginx_that_is_declared_and_not_there_is_a_refusal() -> None:
    with pytest.raises(GuardError, match="not installed"):
        plan_provision(declared('proxy = "nginx"'), PROGRAM, MachineFacts())


def test_data_of_somebody_else_are_given_to_the_servers_user_and_it_is_said() -> None:
    environment = declared()
    facts = provisioned(environment)
    data = environment.data_directory
    directories = {**facts.directories, data: replace(facts.directories[data], strangers=3, mode=0o755)}
    steps = plan_provision(environment, PROGRAM, replace(facts, directories=directories)).plan.steps
    assert [step.path for step in steps if isinstance(step, GiveTree)] == [data]
    assert any(str(step).startswith("make 0700 the mode") for step in steps)


def test_unprovision_takes_away_what_was_made_and_never_data() -> None:
    environment = declared('proxy = "nginx"')
    facts = provisioned(environment)
    plan = plan_unprovision(environment, facts).plan
    removed = {step.path for step in plan.steps if isinstance(step, RemoveFile)}
    assert set(facts.files) <= removed
    assert not [step for step in plan.steps if isinstance(step, RemoveTree)]
    for path in removed - {environment.journal_directory / FILE_NAME}:
        assert path.is_relative_to("/etc")
    assert plan_unprovision(environment, after(environment, plan, replace(facts, record=None))).changes_nothing


def test_a_site_that_others_use_or_a_person_changed_stays_without_the_line() -> None:
    environment = declared('proxy = "nginx"')
    facts = provisioned(environment)
    assert facts.nginx is not None
    assert facts.nginx.site is not None
    site = facts.nginx.site
    others = plan_unprovision(environment, facts, others=True).plan
    assert not [step for step in others.steps if isinstance(step, WriteFile | RemoveFile) and step.path == site.path]
    own = replace(site, text=f"# mine\n{site.text}")
    mine = plan_unprovision(environment, replace(facts, nginx=replace(facts.nginx, site=own))).plan
    (written,) = [step for step in mine.steps if isinstance(step, WriteFile)]
    assert written.path == site.path
    assert "include" not in written.text
    assert written.text.startswith("# mine\n")


def test_a_record_that_is_none_is_refused() -> None:
    for text in ("", "[]", '{"version": 9}', '{"version": 1, "files": 3}'):
        with pytest.raises(HomeportError, match="no record"):
            read_record(text, "x")


def test_another_programs_server_has_its_unit_its_rotation_and_no_sockets() -> None:
    foreign = (
        'command = ["/usr/bin/node", "server.js", "50% $off"]\nvariables = { GREETING = "good day", PORT = "3444" }'
    )
    environment = declared(f'proxy = "nginx"\n{foreign}')
    facts = provisioned(environment, replace(BARE, has_logrotate=True))
    assert plan_provision(environment, PROGRAM, facts).changes_nothing
    service = lines_of(facts.files[UNIT].text or "")
    assert service["ExecStart"] == ['/usr/bin/node server.js "50%% $$off"']
    assert service["Environment"] == ['"GREETING=good day"', "PORT=3444"]
    assert service["WorkingDirectory"] == ["/srv/team/production"]
    assert not {"Sockets", "WatchdogSec", "MemoryDenyWriteExecute"} & set(service)
    rotation = PurePosixPath("/etc/logrotate.d/homeport-production")
    assert '"/srv/team/production/logs/*.log"' in (facts.files[rotation].text or "")
    assert rotation in {
        step.path for step in plan_unprovision(environment, facts).plan.steps if isinstance(step, RemoveFile)
    }
    ours = plan_provision(declared('proxy = "nginx"'), PROGRAM, facts).plan.steps
    assert rotation in {step.path for step in ours if isinstance(step, RemoveFile)}


def test_links_to_what_runs_are_made_once_and_afterwards_are_the_deploys() -> None:
    environment = declared('source = "/srv/source"')
    slots = [environment.slot_link(slot) for slot in ("blue", "green")]
    program = replace(PROGRAM, installed=PurePosixPath("/opt/homeport"))
    steps = plan_provision(environment, program, BARE).plan.steps
    links = [step for step in steps if isinstance(step, Link)]
    assert [link.path for link in links] == [environment.current_release, *slots]
    assert {link.target for link in links} == {program.installed}
    # systemd judges units by whether their programs are there.
    assert steps.index(links[-1]) < [type(step) for step in steps].index(JudgeUnits)
    serves = environment.releases_directory / "20261002T061500Z-1a2b3c4"
    released = replace(BARE, links={environment.current_release: serves})
    made = [step for step in plan_provision(environment, program, released).plan.steps if isinstance(step, Link)]
    assert made == [Link(slot, serves) for slot in slots]
    there = replace(BARE, links={environment.current_release: serves, **dict.fromkeys(slots, serves)})
    assert not [step for step in plan_provision(environment, program, there).plan.steps if isinstance(step, Link)]
