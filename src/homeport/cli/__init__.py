"""The command line: the only part that sees both halves.

This module and :mod:`.parser` are all that ``homeport --help`` loads; each command's module is loaded when the
command runs.
"""

from __future__ import annotations

import importlib
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence

from homeport.cli.output import print_error
from homeport.cli.parser import make_parser
from homeport.contract import ExitCode
from homeport.errors import DeclarationChangedError, HomeportError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: without the program's name; those of the process by default.

    Returns:
        An :class:`~homeport.contract.ExitCode`.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    as_json = "--json" in given
    try:
        parsed = make_parser().parse_args(given)
        as_json = parsed.json
        command = importlib.import_module(f"homeport.cli.{parsed.module}")
        code = _run(command.run, parsed)
        sys.stdout.flush()
    except HomeportError as error:
        print_error(error, as_json=as_json)
        return int(error.exit_code)
    except BrokenPipeError:
        # Who read our output has gone (`| head`); the interpreter must not complain about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.FAILED)
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        print_error(HomeportError(f"{what}."), as_json=as_json)
        return int(ExitCode.FAILED)
    return code


def _run(command: Callable[[Namespace], int], arguments: Namespace) -> int:
    """Once; and once more where bringing to its end what an earlier run left open has changed the declaration."""
    try:
        return int(command(arguments))
    except DeclarationChangedError:
        return int(command(arguments))
