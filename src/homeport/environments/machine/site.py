"""The one line in a person's own nginx file: where it goes, and how it is taken out again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from homeport.errors import GuardError

_INDENT = "    "


@dataclass(frozen=True, slots=True)
class ServerBlock:
    """A ``server { }`` of the file, as nginx's own grammar has it.

    Attributes:
        line: of its beginning, counted from 1.
        names: its ``server_name``.
        has_tls: whether it listens with ssl.
        locations: what its own locations match: ``/``, ``= /mcp``.
        includes: what it includes.
    """

    line: int
    names: tuple[str, ...]
    has_tls: bool
    locations: tuple[str, ...]
    includes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SiteFile:
    """The file with the server block: found, not made."""

    path: PurePosixPath
    """Where it really is: no link, since a link would be replaced by a file."""
    text: str
    blocks: tuple[ServerBlock, ...]
    mode: int = 0o644


def find_block(site: SiteFile, server_name: str, include: str) -> ServerBlock:
    """The block that the locations belong into: the one that includes them already, or else the one of that name.

    Of several with the name the one with TLS is meant: the other one usually only redirects to it.

    Raises:
        GuardError: it cannot be told; the line to write is named.
    """
    already = [block for block in site.blocks if _argument(include) in block.includes]
    named = [block for block in site.blocks if server_name in block.names]
    secure = [block for block in named if block.has_tls]
    for found in (already, secure, named, site.blocks):
        if len(found) == 1:
            return found[0]
        if found:
            break
    shown = ", ".join(f"line {block.line}" for block in (secure or named or site.blocks)) or "it has none"
    raise GuardError(
        f"{site.path}: which server block is {server_name}'s cannot be told ({shown}).",
        f"Write this line into the right one: {include}",
        file=str(site.path),
        include=include,
    )


def with_include(site: SiteFile, block: ServerBlock, include: str) -> str:
    """The file's text with the line in the block; the same text where it is there already.

    Raises:
        GuardError: the block does not begin in a way that a line can be put into.
    """
    if _argument(include) in block.includes:
        return site.text
    lines = site.text.splitlines(keepends=True)
    for number in range(block.line - 1, min(block.line + 3, len(lines))):
        code = lines[number].partition("#")[0].rstrip()
        if code.endswith("{"):
            indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
            end = "\r\n" if lines[number].endswith("\r\n") else "\n"
            lines.insert(number + 1, f"{indent}{_INDENT}{include}{end}")
            return "".join(lines)
        if "{" in code:
            break
    raise GuardError(
        f"{site.path}, line {block.line}: something stands behind the brace of this server block.",
        f"Write this line into it: {include}",
        file=str(site.path),
        include=include,
    )


def without_include(text: str, include: str) -> str:
    """The text without the line, where it stands alone on one."""
    return "".join(line for line in text.splitlines(keepends=True) if line.strip() != include)


def has_root_location(blocks: Sequence[ServerBlock], server_name: str, include: str) -> bool:
    """Whether the block that is meant answers for ``/`` itself."""
    meant = [block for block in blocks if _argument(include) in block.includes]
    meant = meant or [block for block in blocks if server_name in block.names] or list(blocks)
    return any("/" in block.locations for block in meant)


def _argument(include: str) -> str:
    return include.removeprefix("include ").removesuffix(";")
