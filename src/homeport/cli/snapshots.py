"""``homeport data snapshot``, ``facts``, ``lost``, ``prepare`` and ``upgrade``."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from homeport import server
from homeport.cli.acting import acting
from homeport.cli.databases import database_in, handed
from homeport.cli.output import print_json, say
from homeport.contract import DataFacts, ExitCode
from homeport.coordination.values import from_iso
from homeport.environments.backups.losses import loss_lines
from homeport.errors import GuardError

if TYPE_CHECKING:
    from homeport.environments.environment import Environment

_NOUNS: Final = ("messages", "tasks", "lessons", "projects", "instances", "tokens", "webhooks")


def _snapshot(arguments: Namespace) -> ExitCode:
    environment, data = _data_of(arguments)
    taken = server.take_snapshot(
        data, environment.name, Path.cwd() / arguments.target, handed(environment.database, os.environ)
    )
    if arguments.json:
        print_json(taken)
        return ExitCode.DONE
    running = "whose server is running" if taken["live"] else "which no server has open"
    say(f"Copied {environment.name} ({taken['source']}), {running}, in {taken['took_seconds']:.1f} s:")
    say_facts(taken["facts"])
    for path in taken["left_out"]:
        say(f"  left out     {path}, which is no regular file")
    return ExitCode.DONE


def _facts(arguments: Namespace) -> ExitCode:
    directory = Path.cwd() / arguments.directory
    found = server.data_facts(directory, deep=arguments.deep, database=database_in(arguments, directory))
    if arguments.json:
        print_json(found)
    else:
        say(found["directory"])
        say_facts(found)
    return ExitCode.FINDINGS if found["problems"] else ExitCode.DONE


def _lost(arguments: Namespace) -> ExitCode:
    environment, data = _data_of(arguments)
    position_at = None if arguments.position_at is None else from_iso(arguments.position_at)
    loss = server.lost_after(
        data,
        environment.name,
        arguments.position,
        position_at=position_at,
        identity=arguments.identity,
        taken=None if arguments.taken is None else from_iso(arguments.taken),
        held={} if arguments.webhooks is None else {"webhooks": arguments.webhooks},
        database=handed(environment.database, os.environ),
    )
    if arguments.json:
        print_json(loss)
    else:
        for line in loss_lines(loss):
            say(line)
    return ExitCode.DONE


def _prepare(arguments: Namespace) -> ExitCode:
    directory = Path.cwd() / arguments.directory
    _check_not_declared(arguments, directory, arguments.environment)
    database = database_in(arguments, directory)
    done = server.prepare_snapshot(directory, arguments.environment, arguments.origin, arguments.scrub, database)
    if arguments.json:
        print_json(done)
        return ExitCode.DONE
    say(f"{directory} is now data of {arguments.environment}, in {done['took_seconds']:.1f} s:")
    say_facts(done["facts"])
    for what, rows in (("removed", done["removed"]), ("replaced", done["changed"])):
        say(f"  {what:<12} {', '.join(f'{count} {table}' for table, count in rows.items() if count) or 'nothing'}")
    return ExitCode.DONE


def _upgrade(arguments: Namespace) -> ExitCode:
    directory = Path.cwd() / arguments.directory
    _check_not_declared(arguments, directory)
    done = server.upgrade_snapshot(directory, database_in(arguments, directory))
    if arguments.json:
        print_json(done)
        return ExitCode.DONE
    ran = ", ".join(done["ran"]) or "none was pending"
    say(
        f"{directory}: schema {done['from_schema']} -> {done['to_schema']} ({ran}) in {done['migrating_seconds']:.1f} s"
    )
    say_facts(done["facts"])
    say(f"  changed      {', '.join(f'{count} {table}' for table, count in done['rows'].items()) or 'no row'}")
    return ExitCode.DONE


def _check_not_declared(arguments: Namespace, directory: Path, environment: str | None = None) -> None:
    """Refuses what an environment may be served from at any time, and data for one that is protected.

    Raises:
        GuardError: it is one of these.
        UsageError: the environment is not declared.
    """
    from homeport.cli.declared import declaration_file, declaration_of

    if declaration_file(arguments) is None:
        return
    declaration = declaration_of(arguments)
    for one in declaration.environments.values():
        if directory.resolve().is_relative_to(Path(one.data_directory).resolve()):
            raise GuardError(
                f"{directory} is the data directory of {one.name}: these are live data.",
                "Take a snapshot of them, and work on that.",
            )
    if environment is not None and declaration.environment(environment).protected:
        raise GuardError(
            f"{environment} is protected: no other environment's data go into it.", "There is no way round."
        )


def _data_of(arguments: Namespace) -> tuple[Environment, Path]:
    # What only looks at a directory needs no declaration, and is quicker without.
    from homeport.cli.declared import declaration_of

    environment = declaration_of(arguments).environment(arguments.environment)
    given = environment.data_directory if arguments.data is None else arguments.data
    return environment, Path.cwd() / given


def say_facts(found: DataFacts) -> None:
    """What data hold, a line each."""
    last = "nothing happened yet" if found["position_at"] is None else f"the last at {found['position_at']}"
    pending = f", {len(found['pending_migrations'])} migrations behind" if found["pending_migrations"] else ""
    counts = ", ".join(f"{count} {noun}" for noun in _NOUNS if (count := found["counts"].get(noun)))
    lines = {
        "environment": f"{found['environment'] or 'unknown'} ({found['identity'] or 'no identity'})",
        "from": _origin(found),
        "schema": f"{found['schema_version'] or 'unknown'}{pending}",
        "holds": counts or "nothing",
        "events": f"{found['position'] or 0}, {last}",
        "size": f"{found['bytes']} bytes in {len(found['files'])} files",
        "sound": "no: see below" if found["problems"] else f"yes ({'every row' if found['deep'] else 'quick check'})",
    }
    for name, text in lines.items():
        if text:
            say(f"  {name:<12} {text}")
    for problem in found["problems"]:
        say(f"  {problem['code']}: {problem['text']}")


def _origin(found: DataFacts) -> str:
    origin = found["origin"]
    if origin is None:
        return ""
    at = origin["position_at"] or "its beginning"
    return f"{origin['origin']} as of {at}, prepared {origin['prepared_at']}, scrubbed: {origin['scrub']}"


run = acting(snapshot=_snapshot, facts=_facts, lost=_lost, prepare=_prepare, upgrade=_upgrade)
