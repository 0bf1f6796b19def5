"""What every command takes, and the values that several take."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, NoReturn

from homeport.errors import UsageError


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments as an error of ours, so that ``--json`` and exit code 2 hold for it too."""

    def error(self, message: str) -> NoReturn:
        """Raises ``UsageError`` instead of writing and ending the process."""
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", f"{self.prog} --help shows what it takes.")


if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[Parser]  # noqa: SLF001 - the only name there is for add_subparsers' answer


def command(commands: Commands, name: str, line: str, text: str = "") -> argparse.ArgumentParser:
    """A new command or action; ``line`` is for the list, ``text`` for its own help."""
    made = commands.add_parser(
        name,
        help=line,
        description=text or f"{line[0].upper()}{line[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    # Suppressed, so that what was given before the command's name is not overwritten by a default.
    add_common(made, config=argparse.SUPPRESS, as_json=argparse.SUPPRESS)
    return made


def actions_of(parser: argparse.ArgumentParser) -> Commands:
    """What a command with actions (``homeport backup create``) has in the place of commands."""
    return parser.add_subparsers(metavar="ACTION", required=True, parser_class=Parser)


def add_common(parser: argparse.ArgumentParser, *, config: str | None, as_json: object) -> None:
    """``--config`` and ``--json``."""
    parser.add_argument(
        "--config", metavar="PATH", default=config, help="the declaration; else homeport.toml, found upwards from here"
    )
    parser.add_argument("--json", action="store_true", default=as_json, help="results and errors as JSON")


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """``--dry-run``."""
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")


def add_yes(parser: argparse.ArgumentParser) -> None:
    """``--yes``, for commands that ask."""
    parser.add_argument("--yes", action="store_true", help="do not ask")


def add_ports(parser: argparse.ArgumentParser) -> None:
    """``--port``."""
    parser.add_argument(
        "--port",
        dest="ports",
        metavar="ENV=HTTP[:SSE]",
        type=_port,
        action="append",
        default=[],
        help="other ports for an environment; may be given for several",
    )


def seconds(text: str) -> float:
    """A length of time up to a day, from an argument."""
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII) is None or not 0 < float(text) <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return float(text)


def count(text: str) -> int:
    """A whole number, from an argument."""
    if re.fullmatch(r"\d{1,9}", text, re.ASCII) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _port(text: str) -> tuple[str, int, int | None]:
    found = re.fullmatch(r"([^=]+)=(\d+)(?::(\d+))?", text, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not ENV=HTTP or ENV=HTTP:SSE with whole numbers")
    environment, http, sse = found.groups()
    return environment, int(http), int(sse) if sse else None
