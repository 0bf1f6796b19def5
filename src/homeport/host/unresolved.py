"""Operations of a journal that came to no good end, for those who look and those who settle them."""

from __future__ import annotations

from pathlib import Path

from homeport.environments.backups.steps import MakeBackup
from homeport.environments.environment import Environment
from homeport.environments.unresolved import DATA_EXCHANGING, Unresolved, is_made_good
from homeport.errors import GuardError, HomeportError
from homeport.host.journal import Journal, Operation


def find_unresolved(directory: Path) -> list[Unresolved]:
    """The oldest first; one that is being carried out now is among them.

    Args:
        directory: of a journal; need not exist.

    Raises:
        HomeportError: the journal cannot be read.
    """
    operations = Journal(directory).operations()
    found = []
    for number, one in enumerate(operations):
        done = [later.name for later in operations[number + 1 :] if later.outcome == "done"]
        if one.is_open or (one.outcome == "settled" and not is_made_good(one.name, done)):
            found.append(_unresolved(one))
    return found


def find_without_data(environment: Environment) -> Unresolved | None:
    """The operation that left no data in their place; None where they are there, or never were.

    Raises:
        HomeportError: the journal cannot be read.
    """
    if Path(environment.data_directory).exists():
        return None
    found = find_unresolved(Path(environment.journal_directory))
    return next((one for one in reversed(found) if one.operation in DATA_EXCHANGING), None)


def demand_data(*environments: Environment) -> None:
    """Refuses to have environments begin with nothing where an operation left no data in their place.

    Raises:
        GuardError: it did.
        HomeportError: the journal cannot be read.
    """
    for environment in environments:
        left = find_without_data(environment)
        if left is None:
            continue
        name, data = environment.name, environment.data_directory
        mend = f"homeport restore {name} {left.backup or 'latest'}" if left.standing == "settled" else left.mend
        raise GuardError(
            f"There is no {data}, and {name} does not begin with nothing in its place: {left}",
            f"{mend.removesuffix('.')}. What lies beside it may be it. Who wants no data makes that directory.",
            operation=left.id,
            data_directory=str(data),
        )


def backup_of(operation: Operation) -> str:
    """The id of the backup that an operation made before it changed anything; empty where it made none."""
    try:
        steps = operation.plan.steps
    except HomeportError:
        return ""
    done = (step for number, step in enumerate(steps) if number in operation.done)
    return next((step.backup for step in done if isinstance(step, MakeBackup)), "")


def whose(by: object) -> str:
    """Who a record of the journal says that it was."""
    return str(by.get("sudo_user") or by.get("user") or "?") if isinstance(by, dict) else "?"


def _unresolved(one: Operation) -> Unresolved:
    last = one.attempts[-1] if one.attempts else None
    at = (one.ended_at if one.outcome == "settled" else last.at if last is not None else "") or ""
    return Unresolved(
        id=one.id,
        operation=one.name,
        environment=str(one.plan_json.get("environment", "")),
        standing="open" if one.outcome is None else "stuck" if one.outcome == "stuck" else "settled",
        begun_at=one.begun_at,
        sentence=one.sentence,
        hint=last.hint if last is not None else "",
        attempts=len(one.attempts),
        last_at=at,
        by=whose(one.settled_by) if one.outcome == "settled" else "",
        backup=backup_of(one),
    )
