"""``homeport settle``: what was left open is brought to its end, or, where that cannot be, ended as things are."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from pathlib import Path, PurePosixPath

from homeport.cli.asking import confirm
from homeport.cli.declared import declaration_of
from homeport.cli.hands import hands_of, operating
from homeport.cli.output import print_json, say, tell
from homeport.cli.showing import Told
from homeport.contract import ExitCode
from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.errors import UsageError
from homeport.host.journal import Operation
from homeport.host.services.choosing import manager_for
from homeport.host.settling import find_to_settle, settle
from homeport.host.status.standing import describe
from homeport.host.unresolved import find_unresolved


def run(arguments: Namespace) -> int:
    """Tries, or settles the one that is named.

    Raises:
        UsageError: there is no such operation, it has ended, or nobody said why.
        GuardError: it can still be brought to its end, another operation runs, or nobody agreed.
        NeedsPersonError: it was tried, and can be neither finished nor undone.
    """
    declaration = declaration_of(arguments)
    environment = declaration.environment(arguments.environment)
    if arguments.operation is None:
        if arguments.why is not None:
            raise UsageError(
                "What is settled is named by its id.", f"homeport settle {environment.name} ID --why TEXT; homeport log"
            )
        return _try(declaration, environment, arguments)
    if not (arguments.why or "").strip():
        raise UsageError(
            f"Nobody says why {arguments.operation} is settled.", "--why TEXT goes into the journal, for good."
        )
    return _settle(declaration, environment, arguments)


def _try(declaration: Declaration, environment: Environment, arguments: Namespace) -> ExitCode:
    journal = Path(environment.journal_directory)
    left = [one for one in find_unresolved(journal) if one.standing != "settled"]
    if arguments.dry_run:
        if arguments.json:
            print_json({"dry_run": True, "environment": environment.name, "open": [one.as_json() for one in left]})
        for one in left if not arguments.json else ():
            say(f"would finish or undo {one.operation} ({one.id})")
        return ExitCode.DONE
    healed: list[Operation] = []
    if left:
        hands = hands_of(declaration, environment)
        with operating(declaration, environment, hands, Told(), only_heals=True) as carrier:
            healed = carrier.heal()
    if arguments.json:
        print_json({"environment": environment.name, "ended": [one.id for one in healed], "settled": None})
    elif not healed:
        say(f"Nothing is left open in {environment.name}.")
    return ExitCode.DONE


def _settle(declaration: Declaration, environment: Environment, arguments: Namespace) -> ExitCode:
    if arguments.dry_run:
        operation = find_to_settle(environment, arguments.operation)
        _show(environment, operation, _state(declaration, environment, operation), arguments)
        return ExitCode.DONE
    find_to_settle(environment, arguments.operation)
    # It changes nothing but the journal, and is what is left where the database is gone for good.
    with operating(declaration, environment, hands_of(declaration, environment), only_here=True):
        # Only now, since whoever had the lock before may have brought it to its end.
        operation = find_to_settle(environment, arguments.operation)
        look = partial(_state, declaration, environment)
        if not arguments.json and not arguments.yes:
            for line in (operation.sentence, *look(operation)):
                tell(line)
        confirm(f"Settle {operation.name} ({operation.id}) of {environment.name} as things are", yes=arguments.yes)
        state = settle(environment, operation, arguments.why.strip(), look)
    left = next(one for one in find_unresolved(Path(environment.journal_directory)) if one.id == operation.id)
    if arguments.json:
        told = {"environment": environment.name, "settled": operation.id, "why": arguments.why.strip()}
        print_json({**told, "ended": [], "state": state, "mend": left.mend})
    else:
        say(f"{operation.name} ({operation.id}) is settled: nobody finishes or undoes it any more.")
        for line in state:
            say(f"  {line}")
        say(f"What puts {environment.name} right: {left.mend}")
    return ExitCode.DONE


def _state(declaration: Declaration, environment: Environment, operation: Operation) -> list[str]:
    manager = manager_for(environment, PurePosixPath(declaration.file))
    return describe(environment, manager, Path(declaration.file), operation)


def _show(environment: Environment, operation: Operation, state: list[str], arguments: Namespace) -> None:
    if arguments.json:
        told = {"dry_run": True, "environment": environment.name, "operation": operation.id, "state": state}
        print_json({**told, "sentence": operation.sentence})
        return
    for line in (operation.sentence, *state):
        say(line)
    say(f"would settle {operation.name} ({operation.id}) as things are")
