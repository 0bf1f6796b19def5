"""The text of a systemd unit: sections of settings, each value quoted for what reads it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Final

Setting = tuple[str, str]
"""Name and value of one line; the value is as it is to stand in the file."""

Section = tuple[str, Sequence[Setting]]
"""Name and lines."""

_ESCAPES: Final = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r"))
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@+=:,./-")


def render_unit(head: str, sections: Iterable[Section]) -> str:
    """The text of a unit.

    Args:
        head: a line of comment.
        sections: in order.
    """
    parts = [f"# {head}\n"]
    for name, settings in sections:
        parts.append(f"\n[{name}]\n" + "".join(f"{setting}={value}\n" for setting, value in settings))
    return "".join(parts)


def command_line(words: Iterable[str]) -> str:
    """A value for ExecStart=: nothing in it is a specifier or a variable."""
    return " ".join(_quoted(word.replace("$", "$$")) for word in words)


def word_list(words: Iterable[str]) -> str:
    """A value for settings that take words or paths between spaces."""
    return " ".join(_quoted(word) for word in words)


def plain(value: str | PurePosixPath) -> str:
    """A value that is taken as it stands, but for specifiers: WorkingDirectory=, Description=."""
    return str(value).replace("%", "%%")


def _quoted(word: str) -> str:
    escaped = word.replace("%", "%%")
    if word and set(word) <= _PLAIN:
        return escaped
    for sign, written in _ESCAPES:
        escaped = escaped.replace(sign, written)
    return f'"{escaped}"'
