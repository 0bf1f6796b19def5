"""``python -m bench``: measures, prints tables, and says which targets are met."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import psutil

from bench import backups, databases, noop, pages, replacing, send, sizes, starting, telling
from bench.generator import ROOT, NotMeasuredError
from bench.plan import Plan
from bench.report import Outcome, as_json, table, target_table
from bench.servers import NotStartedError

CASES: Final[Mapping[str, Callable[[Plan], Outcome]]] = {
    noop.CASE: noop.run,
    send.CASE: send.run,
    telling.CASE: telling.run,
    starting.CASE: starting.run,
    sizes.CASE: sizes.run,
    backups.CASE: backups.run,
    replacing.CASE: replacing.run,
    pages.CASE: pages.run,
    databases.CASE: databases.run,
}
MANY: Final = 1_000_000
WAITING: Final = 500


def main(arguments: Sequence[str]) -> int:
    """Runs the chosen cases; 1 where something could not be measured, whatever the targets say."""
    given = _parser().parse_args(arguments)
    began = time.perf_counter()
    total = Outcome()
    with tempfile.TemporaryDirectory(prefix="homeport-bench-", dir=given.directory) as directory:
        plan = _plan(given, Path(directory))
        for name in given.only or CASES:
            outcome = _run(name, plan)
            if outcome.figures:
                _print(f"\n{name}\n{table(outcome.figures)}")
            total.add(outcome)
    machine = _machine() | {"seconds": round(time.perf_counter() - began)}
    if total.targets:
        _print(f"\n{target_table(total.targets)}")
    for failure in total.failures:
        _print(f"\nNOT MEASURED: {failure}")
    _print(f"\n{', '.join(f'{name} {value}' for name, value in machine.items())}")
    if given.json is not None:
        Path(given.json).write_text(json.dumps(as_json(total, machine), indent=2) + "\n", encoding="utf-8")
    return 1 if total.failures else 0


def _run(name: str, plan: Plan) -> Outcome:
    """What a case found; whatever goes wrong in one, the others are measured and everything is reported."""
    try:
        return CASES[name](plan)
    except (NotMeasuredError, NotStartedError, OSError, ValueError) as error:
        return Outcome(failures=[f"{name}: {error!r}"])


def _plan(given: argparse.Namespace, directory: Path) -> Plan:
    quick = given.quick or given.limit is not None
    return Plan(
        directory=directory,
        rounds=given.rounds or (1 if given.limit else 3 if quick else 7),
        seconds=0.4 if quick else 0.6,
        many=given.messages or (20_000 if quick else MANY),
        waiting=given.waiting or (100 if quick else WAITING),
        limit=given.limit,
        keep=Path(given.keep),
        say=_progress,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(CASES), help="this case; may be given several times")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, fewer messages: a first look")
    parser.add_argument("--json", metavar="PATH", help="write all figures there, round by round")
    parser.add_argument("--rounds", type=int, help="how often everything is measured; 7, or 3 with --quick")
    parser.add_argument("--messages", type=int, help=f"of the large store; {MANY:,} by default")
    parser.add_argument("--waiting", type=int, help=f"agents that wait; {WAITING} by default")
    parser.add_argument("--limit", type=int, help="answers after which each round ends: tries the harness out")
    parser.add_argument("--directory", metavar="DIR", help="where servers have their data; the disk that is measured")
    parser.add_argument("--keep", metavar="DIR", default=ROOT / "build" / "bench", help="where the large store is kept")
    return parser


def _machine() -> dict[str, Any]:
    """What the figures depend on."""
    memory = psutil.virtual_memory().total / (1 << 30)
    load = os.getloadavg()[1]
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "memory": f"{memory:.0f} GiB",
        "python": platform.python_version(),
        "load": round(load, 1),
    }


def _progress(text: str) -> None:
    sys.stderr.write(f"  {text}\n")


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
