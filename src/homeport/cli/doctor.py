"""``homeport doctor``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from homeport import __version__
from homeport.cli.declared import declaration_of
from homeport.cli.hands import hands_of, operating
from homeport.cli.knowing import known_of
from homeport.cli.monitoring import told_to_monitoring
from homeport.cli.output import print_json, say, tell
from homeport.cli.surroundings import announcer_of
from homeport.contract import ExitCode
from homeport.environments.declaration import Declaration
from homeport.environments.doctor.examination import examine
from homeport.environments.doctor.facts import HostFacts
from homeport.environments.doctor.finding import Finding, nagios_line
from homeport.environments.environment import Environment
from homeport.environments.plan import Plan
from homeport.errors import HomeportError, UsageError
from homeport.host.alarming import raise_alarm
from homeport.host.backups.shelf import Shelf
from homeport.host.backups.state import write_replica_state
from homeport.host.backups.textfile import note_look
from homeport.host.facts.gathering import gather
from homeport.host.status.surveying import survey, write_survey


def run(arguments: Namespace) -> int:
    """Looks, judges, and with ``--fix`` mends what it can."""
    declaration = declaration_of(arguments)
    only = [declaration.environment(name).name for name in arguments.environments]
    if arguments.nagios and (arguments.fix or arguments.json):
        raise UsageError("--nagios is one line for monitoring, and goes with neither --fix nor --json.")
    facts = _seen(declaration)
    findings = _judged(declaration, facts, only)
    if arguments.nagios:
        code, line = nagios_line(findings, only or list(declaration.environments))
        say(line)
        return code
    if arguments.alarm:
        _raise_alarms(declaration, findings, only)
        _tell_pages(declaration, _judged(declaration, facts, list(declaration.environments)), only)
    if arguments.fix:
        return _fix(declaration, findings, only, arguments)
    if arguments.json:
        print_json({"findings": [finding.as_json() for finding in findings]})
    else:
        _show(findings, only or list(declaration.environments))
    return ExitCode.FINDINGS if findings else ExitCode.DONE


def _seen(declaration: Declaration) -> HostFacts:
    return gather(list(declaration.environments.values()), known_of(declaration), datetime.now(UTC))


def _judged(declaration: Declaration, facts: HostFacts, only: Sequence[str]) -> list[Finding]:
    return examine(list(declaration.environments.values()), facts, only)


def _tell_pages(declaration: Declaration, findings: Sequence[Finding], only: Sequence[str]) -> None:
    """Leaves what was seen of all environments where the pages of each that was asked for show it.

    Where that fails it is said, and alarms and findings are told all the same.
    """
    asked = [declaration.environment(name) for name in only or list(declaration.environments)]
    told = [one for one in asked if not one.is_foreign and Path(one.journal_directory).is_dir()]
    if not told:
        return
    environments = list(declaration.environments.values())
    try:
        found = survey(environments, Path(declaration.file), __version__, findings, datetime.now(UTC))
        for environment in told:
            write_survey(environment, found)
    except (HomeportError, OSError) as error:
        tell(f"homeport: pages are not told what was seen: {error}")


def _raise_alarms(declaration: Declaration, findings: Sequence[Finding], only: Sequence[str]) -> None:
    """Tells of each environment what is wrong with it, and of the machine's own faults with each."""
    for name in only or list(declaration.environments):
        environment = declaration.environment(name)
        if not Path(environment.journal_directory).is_dir():
            continue
        _write_down(environment, findings)
        own = [finding for finding in findings if finding.environment in (name, None)]
        with told_to_monitoring(environment):
            note_look(environment, own, datetime.now(UTC).isoformat(timespec="seconds"))
        for text in raise_alarm(environment, own, announcer_of(declaration, environment), datetime.now(UTC)):
            tell(f"homeport: {name}: not told by {text}")


def _write_down(environment: Environment, findings: Sequence[Finding]) -> None:
    """For the server's health answer: how the replica is, which it cannot see itself."""
    shelf = Path(environment.backups_directory)
    if environment.replica_directory is None or not shelf.is_dir():
        return
    mine = (one for one in findings if one.environment == environment.name and one.kind.startswith("replica-"))
    records = Shelf(shelf, environment.name).readable_records()[0]
    write_replica_state(environment, records, next((one.sentence for one in mine), ""))


def _fix(declaration: Declaration, findings: Sequence[Finding], only: Sequence[str], arguments: Namespace) -> int:
    plans = _plans(declaration, findings)
    if arguments.dry_run:
        if arguments.json:
            print_json({"dry_run": True, "plans": [plan.as_json() for plan in plans]})
        else:
            for plan in plans:
                for step in plan.steps:
                    say(f"{plan.environment}: would {step}")
        return ExitCode.FINDINGS if findings else ExitCode.DONE
    for plan in plans:
        environment = declaration.environment(plan.environment)
        Path(environment.journal_directory).mkdir(parents=True, exist_ok=True)
        with operating(declaration, environment, hands_of(declaration, environment)) as carrier:
            carrier.carry_out(plan)
        if not arguments.json:
            for step in plan.steps:
                say(f"{plan.environment}: {step}")
    left = _judged(declaration, _seen(declaration), only)
    if arguments.json:
        print_json({"fixed": [plan.as_json() for plan in plans], "findings": [finding.as_json() for finding in left]})
    else:
        _show(left, only or list(declaration.environments))
    return ExitCode.FINDINGS if left else ExitCode.DONE


def _plans(declaration: Declaration, findings: Sequence[Finding]) -> list[Plan]:
    """One plan for each environment; what is the machine's goes with the first."""
    first = next(iter(declaration.environments))
    names = dict.fromkeys(finding.environment or first for finding in findings if finding.fix)
    return [
        Plan(
            "doctor --fix",
            name,
            tuple(
                dict.fromkeys(
                    step for finding in findings if (finding.environment or first) == name for step in finding.fix
                )
            ),
        )
        for name in names
    ]


def _show(findings: Sequence[Finding], environments: Sequence[str]) -> None:
    if not findings:
        say(f"Nothing found: {', '.join(environments)}.")
        return
    for finding in findings:
        whose = f"{finding.environment}: " if finding.environment else ""
        say(f"{finding.severity.upper()}  {whose}{finding.sentence}  [{finding.kind}]")
        for line in finding.evidence:
            say(f"    seen: {line}")
        say(f"    then: {finding.consequence}")
        say(f"    mend: {finding.mend}" + (" (doctor --fix does it)" if finding.fix else ""))
        say()
    fixable = sum(1 for finding in findings if finding.fix)
    say(
        f"{len(findings)} {'finding' if len(findings) == 1 else 'findings'}"
        + (f", {fixable} of them mended by homeport doctor --fix." if fixable else ".")
    )
