"""The token that a person hands to a command: in a file or in the surroundings, never on the command line."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from homeport.clients.target import TOKEN_VARIABLE
from homeport.errors import UsageError
from homeport.secret import Secret


def token_given(arguments: Namespace) -> Secret | None:
    """The token of ``--token-file``, else that of the environment variable, if there is either.

    Raises:
        UsageError: the file cannot be read, or holds something that is not one line of printable characters.
    """
    if arguments.token_file is not None:
        return read_token(Path.cwd() / arguments.token_file)
    text = os.environ.get(TOKEN_VARIABLE, "").strip()
    return _checked(text, f"The variable {TOKEN_VARIABLE}") if text else None


def read_token(file: Path) -> Secret:
    """The token in a file."""
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"{file} cannot be read: {reason}.", "It should hold the token and nothing else.") from None
    return _checked(text, str(file))


def _checked(text: str, where: str) -> Secret:
    # What does not fit into a header would else fail much later, and be shown where it fails.
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise UsageError(f"{where} does not hold a token.", "homeport token create ENV makes one.")
    return Secret(text)
