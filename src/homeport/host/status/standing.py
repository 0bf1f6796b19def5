"""How an environment stands, in sentences: for a person who must decide what becomes of an operation that is stuck."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from homeport.contract import HOLD_FILE, DataFacts, ExitCode
from homeport.environments.environment import Environment
from homeport.errors import HomeportError
from homeport.host.data.asking import ask_program
from homeport.host.data.program import current_release, release_program
from homeport.host.health import ask_environment
from homeport.host.journal import Operation
from homeport.host.services.service import ServiceManager
from homeport.host.unresolved import backup_of

_BESIDE: Final = (
    ("before-", "the data as they were before"),
    ("left-", "data that a release had and that were left"),
    ("failed-", "data that were served and left"),
    ("", "what an operation works in"),
)
"""By what follows the name of the data directory, what lies there."""


def describe(environment: Environment, manager: ServiceManager, file: Path, operation: Operation) -> list[str]:
    """What serves, which release is the current one, what the data are, what lies beside them, and what saved them.

    What cannot be seen is said; it never fails.

    Args:
        environment: which.
        manager: who runs its server.
        file: its declaration.
        operation: that is stuck.
    """
    parts: list[tuple[str, Callable[[], Iterator[str]]]] = [
        ("Its server", lambda: _server(environment, manager)),
        ("The current release", lambda: _release(environment)),
        ("Its data", lambda: _data(environment, file)),
        ("What lies beside its data", lambda: _beside(Path(environment.data_directory))),
        ("The backup before it", lambda: _backup(environment, operation)),
    ]
    found: list[str] = []
    for what, part in parts:
        try:
            found += part()
        except (HomeportError, OSError) as error:
            found.append(f"{what} cannot be seen: {error}")
    return found


def _server(environment: Environment, manager: ServiceManager) -> Iterator[str]:
    state, answer = manager.state(environment), ask_environment(environment)
    if state.unmanaged is not None:
        yield f"Not run by {state.manager}: {state.unmanaged} is in its place."
    if not state.running:
        end = f": it {state.last_end}" if state.last_end is not None else ""
        yield f"Its server does not run{end}."
        return
    release = answer.payload.get("release")
    what = f"Its server runs as process {state.pid}{f', of the release {release}' if release else ''}"
    yield f"{what}, and is healthy." if answer.healthy else f"{what}, and is ill: {answer.reason.removesuffix('.')}."


def _release(environment: Environment) -> Iterator[str]:
    current, link = current_release(environment), Path(environment.current_release)
    if current is not None:
        gone = "" if link.exists() else ", which is not there"
        yield f"The current release is {current}{gone}."


def _data(environment: Environment, file: Path) -> Iterator[str]:
    data = Path(environment.data_directory)
    if not data.is_dir():
        yield f"There is no {data}: its data are not in their place."
        return
    if environment.is_foreign:
        yield f"Its data lie in {data}."
        return
    program = release_program(environment, file)
    facts: DataFacts = ask_program(program, "facts", str(data), allowed=(ExitCode.FINDINGS,))
    problem = next((one["text"] for one in facts["problems"]), "")
    said = f"; {problem.removesuffix('.')}" if problem else ", and sound"
    yield f"Its data in {data} have schema {facts['schema_version'] or 'none'}{said}."
    hold = data / HOLD_FILE
    allowed = hold.read_text(encoding="utf-8", errors="replace").strip() if hold.exists() else ""
    if allowed:
        yield f"They may be opened by one release alone ({allowed}): so says {hold}."


def _beside(data: Path) -> Iterator[str]:
    for path in sorted(data.parent.glob(f"{data.name}.*")):
        after = path.name.removeprefix(f"{data.name}.")
        what = next(words for begin, words in _BESIDE if after.startswith(begin))
        yield f"Beside them lies {path}: {what}."


def _backup(environment: Environment, operation: Operation) -> Iterator[str]:
    backup = backup_of(operation)
    if backup:
        yield f"{backup} is the backup from before it: homeport restore {environment.name} {backup}."
