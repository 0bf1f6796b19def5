"""What is pending for an environment's data, what running it did, and what is not as it must be; in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from homeport.errors import CannotStartError


@dataclass(frozen=True, slots=True)
class Standing:
    """How data stand to the release that serves them.

    Attributes:
        schema: what they have; None where nothing is known of one.
        pending: what the release would run, in order.
        previous_can_run: whether a server of the schema that they have can go on with them after that.
        newer: whether they have something that the release does not know.
        problems: why they are not sound, in words.
    """

    schema: str | None
    pending: tuple[str, ...] = ()
    previous_can_run: bool = True
    newer: bool = False
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ran:
    """What migrations did to data.

    Attributes:
        ran: which, in order.
        before: the schema that the data had.
        after: the schema that they have.
        rows: by table, those that are new, gone or other than before; of files, what is listed in them.
        seconds: of the migrations alone.
    """

    ran: tuple[str, ...]
    before: str | None
    after: str | None
    rows: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as a migration must have left it."""

    migration: str
    text: str


def check_standing(environment: str, found: Standing) -> None:
    """Refuses data that nothing may be run on.

    Raises:
        CannotStartError: they are newer than the release, or not sound.
    """
    if found.newer:
        raise CannotStartError(
            f"The data of {environment} are newer than the release that serves it: they have {found.schema}.",
            "Deploy the release that wrote them, or a newer one; homeport restore goes back with the data."
            " Nothing was changed.",
        )
    if found.problems:
        raise CannotStartError(
            f"The data of {environment} are not sound, so nothing is run on them: {found.problems[0]}",
            "Restore the last good backup; homeport doctor says more.",
        )


def pending_line(environment: str, found: Standing) -> str:
    """One line that says what is pending."""
    has = f"{environment} has schema {found.schema}" if found.schema else f"{environment} has no schema yet"
    if not found.pending:
        return f"{has}: nothing is pending."
    beside = "can go on with it" if found.previous_can_run else "cannot go on with it"
    return f"{has}; pending: {', '.join(found.pending)}. A server of the release before {beside}."


def ran_lines(ran: Ran) -> Iterator[str]:
    """What was run, how long it took, and what it changed."""
    yield f"ran {', '.join(ran.ran)} in {ran.seconds:.1f} s: {ran.before or 'nothing'} -> {ran.after or 'nothing'}"
    yield from rows_lines(ran.rows)


def rows_lines(rows: Mapping[str, int]) -> Iterator[str]:
    """The rows that were changed, a table a line, the most first."""
    if not rows:
        yield "  no row that was there before is other now"
        return
    width = max(map(len, rows))
    for table, count in sorted(rows.items(), key=lambda one: (-one[1], one[0])):
        yield f"  {table:<{width}}  {count} {'row' if count == 1 else 'rows'} changed"


def finding_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """What is not as it must be; one line where all is."""
    if not findings:
        yield "verified: all is as the migrations must leave it"
    for one in findings:
        yield f"{one.migration}: {one.text}"
