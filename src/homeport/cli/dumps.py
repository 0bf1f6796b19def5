"""``homeport data load``, ``exchange``, ``drop`` and ``sweep``: what restores and drills do with databases."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homeport.cli.acting import acting
from homeport.cli.asking import confirm
from homeport.cli.databases import database_in, handed
from homeport.cli.declared import declaration_of
from homeport.cli.output import print_json, say
from homeport.cli.snapshots import say_facts
from homeport.contract import DatabaseAddress, ExitCode
from homeport.environments.environment import Environment
from homeport.errors import GuardError, UsageError
from homeport.host.journal import Journal
from homeport.host.operation_lock import is_step, operation_lock
from homeport.server import databases


def _load(arguments: Namespace) -> ExitCode:
    directory = Path.cwd() / arguments.directory
    if arguments.into is None:
        found = databases.load(directory, database_in(arguments, directory))
    else:
        environment = declaration_of(arguments).environment(arguments.into)
        found = databases.load_into(directory, environment.name, handed(environment.database, os.environ))
    if arguments.json:
        print_json(found)
    else:
        say(found["directory"])
        say_facts(found)
    return ExitCode.FINDINGS if found["problems"] else ExitCode.DONE


def _exchange(arguments: Namespace) -> ExitCode:
    environment, database = _declared(arguments)
    name = environment.name
    data, incoming = Path.cwd() / arguments.data, Path.cwd() / arguments.incoming
    if arguments.back:
        served = None if arguments.served is None else Path.cwd() / arguments.served
        done = databases.put_back(database, name, data, incoming, served, arguments.label)
    else:
        onto_empty = arguments.onto_empty
        done = databases.exchange(database, name, data, incoming, arguments.label, onto_empty=onto_empty)
    if arguments.json:
        print_json(done)
    else:
        what = "was kept" if done["kept"] else "was there before"
        say(f"{done['database']} is {'again ' if arguments.back else ''}the database of {name}.")
        say(f"{done['kept'] or done['left'] or 'Nothing else'} {what}.")
    return ExitCode.DONE


def _drop(arguments: Namespace) -> ExitCode:
    environment, database = _declared(arguments)
    name = environment.name
    confirm(f"Drop for ever what {name} keeps as {arguments.label}", yes=arguments.yes)
    with _undisturbed(Path(environment.journal_directory), name, database, arguments.label):
        dropped = databases.drop_kept(database, arguments.label)
    if arguments.json:
        print_json({"dropped": dropped})
    elif dropped is None:
        say(f"No database of {name} is kept as {arguments.label}: homeport doctor {name} names those that are.")
    else:
        say(f"{dropped} is gone.")
    return ExitCode.DONE


@contextmanager
def _undisturbed(journal: Path, name: str, database: DatabaseAddress, label: str) -> Iterator[None]:
    """While the block runs no operation changes the environment, on any machine; but for one whose step this is.

    Raises:
        GuardError: an operation runs, or one that was left open may have to give back what has this label.
        HomeportError: the journal cannot be read, or the database server cannot be reached.
    """
    if not journal.is_dir() or is_step(journal):
        yield
        return
    with operation_lock(journal, name):
        for one in Journal(journal).operations():
            if one.is_open and f'"{label}"' in json.dumps(one.plan_json):
                raise GuardError(
                    f"{one.name} ({one.id}) was left open, and may have to give {name} back what is kept as {label}:"
                    " nothing was dropped.",
                    f"Bring it to its end first: homeport settle {name}.",
                )
        with databases.reserved(database, name, "data-drop", needed=True):
            yield


def _sweep(arguments: Namespace) -> ExitCode:
    if arguments.url is not None:
        name, database = arguments.environment, DatabaseAddress(arguments.url, arguments.password_file)
    else:
        environment, database = _declared(arguments)
        name = environment.name
    done = databases.sweep(database)
    if arguments.json:
        print_json(done)
    else:
        say(f"{name}: {', '.join(done['swept']) or 'no scratch database'} was left over, and is gone.")
    return ExitCode.DONE


def _convert(arguments: Namespace) -> ExitCode:
    target = None if arguments.url is None else DatabaseAddress(arguments.url, arguments.password_file)
    done = databases.convert(Path.cwd() / arguments.directory, arguments.environment, target=target)
    if arguments.json:
        print_json(done)
    else:
        say(f"{sum(done['rows'].values())} rows in {done['seconds']:.1f} s, the same on both sides.")
    return ExitCode.DONE


def _declared(arguments: Namespace) -> tuple[Environment, DatabaseAddress]:
    environment = declaration_of(arguments).environment(arguments.environment)
    database = handed(environment.database, os.environ)
    if database is None:
        raise UsageError(f"The data of {environment.name} are in no database, but in {environment.data_directory}.")
    return environment, database


run = acting(load=_load, exchange=_exchange, drop=_drop, sweep=_sweep, convert=_convert)
