"""``homeport log``: the journals of operations."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

from homeport.cli.declared import declaration_of
from homeport.cli.output import print_json, say, table
from homeport.contract import ExitCode
from homeport.environments.environment import Environment
from homeport.environments.words import span
from homeport.errors import UsageError
from homeport.host.journal import Journal, Operation
from homeport.host.unresolved import find_unresolved, whose

_CONFIRMED: Final = {
    "asked": "confirmed by a person who was asked",
    "yes": "confirmed by --yes",
    "declared": "confirmed by the declaration",
    "": "nobody is asked for this",
}


def run(arguments: Namespace) -> int:
    """Lists, shows one, or verifies."""
    declaration = declaration_of(arguments)
    names = [arguments.environment] if arguments.environment else list(declaration.environments)
    environments = [declaration.environment(name) for name in names]
    if arguments.verify:
        return _verify(environments, as_json=arguments.json)
    if arguments.operation is not None:
        _show_one(environments[0], arguments.operation, as_json=arguments.json)
    else:
        _list(environments, as_json=arguments.json)
    return ExitCode.DONE


def _verify(environments: list[Environment], *, as_json: bool) -> int:
    found = {one.name: _journal(one).find_tampering() for one in environments}
    if as_json:
        print_json({"environments": [{"environment": name, "problem": problem} for name, problem in found.items()]})
    else:
        for name, problem in found.items():
            say(f"{name}: {problem}" if problem else f"{name}: every record follows from the one before it.")
    return ExitCode.FINDINGS if any(found.values()) else ExitCode.DONE


def _list(environments: list[Environment], *, as_json: bool) -> None:
    found = sorted(
        ((operation, one.name) for one in environments for operation in _journal(one).operations()),
        key=lambda pair: pair[0].begun_at,
    )
    if as_json:
        print_json({"operations": [_as_json(operation, name) for operation, name in found]})
    elif not found:
        say("Nothing was done yet.")
    else:
        rows = [
            (
                name,
                operation.id,
                str(operation.plan_json["operation"]),
                _by(operation),
                _took(operation.seconds),
                _outcome(operation),
            )
            for operation, name in found
        ]
        say(table(("ENVIRONMENT", "ID", "OPERATION", "BY", "TOOK", "OUTCOME"), rows))


def _show_one(environment: Environment, wanted: str, *, as_json: bool) -> None:
    operations = {operation.id: operation for operation in _journal(environment).operations()}
    operation = operations.get(wanted)
    if operation is None:
        raise UsageError(
            f"The journal of {environment.name} has no operation {wanted}.", f"homeport log {environment.name}"
        )
    if as_json:
        print_json({**_as_json(operation, environment.name), **_left_json(operation), "steps": _steps_json(operation)})
        return
    say(f"{operation.id}  {operation.plan_json['operation']} {environment.name}  {_outcome(operation)}")
    say(f"begun {operation.begun_at} by {_by(operation)}: {operation.by.get('command', '')}")
    say(f"{_CONFIRMED[operation.confirmed]}; took {_took(operation.seconds)}")
    for line in _left(environment, operation):
        say(line)
    for number, text in enumerate(operation.steps):
        took = _took(operation.step_seconds(number))
        say(f"  [{_step_state(operation, number)}] {text}{f' ({took})' if took != '-' else ''}")


def _left(environment: Environment, operation: Operation) -> Iterator[str]:
    """What was tried to bring it to its end, and what a person can do, or did."""
    for attempt in operation.attempts:
        yield f"stuck {attempt.at}: {attempt.sentence}"
        yield from (f"    {line}" for line in attempt.state)
    if operation.outcome == "settled":
        yield f"settled {operation.ended_at} by {whose(operation.settled_by)}: {operation.sentence}"
        yield from (f"    {line}" for line in operation.settled_state)
    for one in find_unresolved(Path(environment.journal_directory)):
        if one.id == operation.id:
            yield f"mend: {one.mend}"


def _left_json(operation: Operation) -> dict[str, object]:
    settled = {"by": dict(operation.settled_by), "state": list(operation.settled_state)}
    return {
        "attempts": [asdict(attempt) for attempt in operation.attempts],
        "settled": settled if operation.outcome == "settled" else None,
    }


def _steps_json(operation: Operation) -> list[dict[str, object]]:
    return [
        {
            **step,
            "text": text,
            "state": _step_state(operation, number),
            "seconds": operation.step_seconds(number),
            "result": operation.results.get(number),
        }
        for number, (step, text) in enumerate(zip(operation.plan_json["steps"], operation.steps, strict=True))
    ]


def _step_state(operation: Operation, number: int) -> str:
    if number in operation.taken_back:
        return "taken back"
    if number in operation.done:
        return "done"
    return "begun" if number in operation.inverses else "not begun"


def _as_json(operation: Operation, environment: str) -> dict[str, object]:
    return {
        "environment": environment,
        "id": operation.id,
        "operation": operation.plan_json["operation"],
        "begun_at": operation.begun_at,
        "ended_at": operation.ended_at,
        "seconds": operation.seconds,
        "confirmed": operation.confirmed or None,
        "by": dict(operation.by),
        "outcome": operation.outcome or "open",
        "sentence": operation.sentence,
    }


def _outcome(operation: Operation) -> str:
    outcome = operation.outcome or "open"
    return f"{outcome}: {operation.sentence}" if operation.sentence else outcome


def _took(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.1f} s" if seconds < 60 else span(seconds)


def _by(operation: Operation) -> str:
    return whose(operation.by)


def _journal(environment: Environment) -> Journal:
    return Journal(Path(environment.journal_directory))
