"""``homeport status``."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from homeport import __version__
from homeport.cli.declared import declaration_of
from homeport.cli.output import print_json, say, table
from homeport.contract import ExitCode
from homeport.environments.declaration import Declaration
from homeport.environments.status.row import StatusRow, make_row
from homeport.environments.words import size, span
from homeport.host.services.choosing import manager_for
from homeport.host.status.gathering import look_at

HEAD: Final = (
    *("ENVIRONMENT", "STATE", "VERSION", "UP", "RUN BY", "RESTARTS", "PORTS"),
    *("DATA", "SIZE", "BACKUP", "DRILL", "DRIFT"),
)
_COLOURS: Final = {"healthy": "green", "down": "dim", "absent": "dim"}
_OTHER_COLOUR: Final = "red"


def run(arguments: Namespace) -> int:
    """Looks once, or until Ctrl-C."""
    declaration = declaration_of(arguments)
    names = arguments.environments or list(declaration.environments)
    for name in names:
        declaration.environment(name)
    if not arguments.watch:
        _show(_look(declaration, names), as_json=arguments.json)
    elif arguments.json or not _can_be_drawn_on():
        while True:
            _show(_look(declaration, names), as_json=arguments.json)
            time.sleep(arguments.every)
    else:
        _watch(lambda: _look(declaration, names), arguments.every)
    return ExitCode.DONE


def _can_be_drawn_on() -> bool:
    """Whether standard output is a terminal on which a table can be drawn over the one before."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def _look(declaration: Declaration, names: Sequence[str]) -> list[StatusRow]:
    file = PurePosixPath(declaration.file)
    environments = [declaration.environment(name) for name in names]
    return [make_row(look_at(one, manager_for(one, file), Path(file), __version__)) for one in environments]


def _show(rows: Sequence[StatusRow], *, as_json: bool) -> None:
    if as_json:
        print_json({"environments": [row.as_json() for row in rows]})
        return
    say(table(HEAD, [cells(row) for row in rows]))
    for line in remarks(rows):
        say(line)


def _watch(look: Callable[[], list[StatusRow]], every: float) -> None:
    # Only a terminal that is watched needs it, and it takes a while to load.
    from rich.console import Group
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    def drawn() -> Group:
        rows = look()
        grid = Table(*HEAD, box=None, pad_edge=False)
        for row in rows:
            colour = _COLOURS.get(row.condition, _OTHER_COLOUR)
            grid.add_row(*(Text(cell, style=colour if number == 1 else "") for number, cell in enumerate(cells(row))))
        return Group(grid, *(Text(line) for line in remarks(rows)))

    with Live(drawn(), auto_refresh=False) as live:
        while True:
            time.sleep(every)
            live.update(drawn(), refresh=True)


def cells(row: StatusRow) -> tuple[str, ...]:
    """A row's cells, one for each of :data:`HEAD`."""
    facts, environment = row.facts, row.facts.environment
    state = facts.state
    return (
        environment.name + (" (protected)" if environment.protected else ""),
        row.condition,
        _version(row),
        span(row.uptime) if row.uptime is not None else "-",
        state.manager if state is not None else "?",
        str(state.restarts) if state is not None and state.restarts is not None else "-",
        " ".join(str(port.port) + _mark(row, port.port) for port in row.ports) or "-",
        environment.data_place,
        size(facts.data_bytes) if facts.data_bytes is not None else "-",
        f"{span(row.backup_age)} ago" if row.backup_age is not None else "none",
        _drill(row),
        "-" if facts.drift is None else str(len(facts.drift)) if facts.drift else "none",
    )


def remarks(rows: Sequence[StatusRow]) -> list[str]:
    """A line for each thing that a table has no room for."""
    lines = []
    for row in rows:
        name = row.facts.environment.name
        lines += [f"{name}: {reason}" for reason in row.reasons]
        if row.condition != "unmanaged":
            lines += [
                f"{name}: port {port.port} ({port.setting}) is held by {port.holder}."
                for port in row.ports
                if port.holder is not None and not port.own
            ]
    return lines


def _version(row: StatusRow) -> str:
    """What runs, and what would if it were started now, where the two differ."""
    running = row.release or row.version
    declared = row.facts.declared_release or row.facts.declared_version
    if row.facts.environment.is_foreign:
        return running or "-"
    if running is None:
        return f"({declared})"
    return (
        running
        if running == declared or (row.facts.declared_release is None and row.version == declared)
        else (f"{running} ({declared})")
    )


def _mark(row: StatusRow, number: int) -> str:
    port = next(port for port in row.ports if port.port == number)
    if port.holder is None:
        return "" if row.condition in ("down", "absent", "failed") else "!"
    return "" if port.own else "!"


def _drill(row: StatusRow) -> str:
    if row.drill_age is None:
        return "never proven"
    return f"{span(row.drill_age)} ago" + ("" if row.proven else ", failed")
