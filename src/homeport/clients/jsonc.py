"""JSON with comments: read with positions, and changed at one place without touching the rest. Pure.

The files of clients are their owners': order, indentation, comments and trailing commas stay as they are. A change is
therefore made in the text. What comes out is read again and compared with what was meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

_SPACE: Final = re.compile(r"[ \t\r\n\ufeff]*")
_LINE_COMMENT: Final = re.compile(r"//[^\n]*")
_SCALAR: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"|-?\d[\d.eE+-]*|[a-z]+')
_DEEPEST: Final = 100


class JsonError(ValueError):
    """The text is not JSON; ``line`` counts from one."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.line = line


@dataclass(slots=True)
class Node:
    """A value and where it stands in the text."""

    value: Any
    start: int
    end: int
    members: dict[str, Node] | None = None
    """Of an object."""
    items: list[Node] | None = None
    """Of an array."""
    trailing: bool = False
    """Whether a comma stands after its last member."""
    first: int = -1
    """Where its first member begins, with the key."""


def parse(text: str, *, comments: bool) -> Node:
    """Reads a text.

    Args:
        text: JSON, maybe with a byte order mark.
        comments: whether comments and trailing commas are allowed, as editors have them.

    Raises:
        JsonError: with the line.
    """
    reader = _Reader(text, comments=comments)
    node = reader.value(0)
    if reader.at < len(text):
        reader.fail("something follows after the end")
    return node


def set_member(text: str, path: Sequence[str], value: object, *, comments: bool) -> str:
    """The text with one member set; objects on the way to it are made where they are missing.

    Args:
        text: may be empty.
        path: keys, from the outermost.
        value: JSON.
        comments: as of :func:`parse`.

    Raises:
        JsonError: it cannot be read, or something on the path is not an object.
    """
    if not text.strip("\ufeff \t\r\n"):
        return json.dumps(_nested(path, value), indent=2, ensure_ascii=False) + "\n"
    root = parse(text, comments=comments)
    made = _edited(text, root, path, value)
    _prove(made, _merged(root.value, path, value), comments=comments)
    return made


def append_item(text: str, key: str, item: Mapping[str, object], *, comments: bool) -> str:
    """The text with an object appended to the array at ``key``, unless one with the same ``id`` is in it."""
    root = parse(text, comments=comments)
    found = (root.members or {}).get(key)
    if found is None:
        return set_member(text, [key], [item], comments=comments)
    if found.items is None:
        raise JsonError(f'"{key}" is not an array', _line(text, found.start))
    if any(isinstance(one.value, dict) and one.value.get("id") == item["id"] for one in found.items):
        return text
    made = _inserted(text, found, None, item)
    _prove(made, {**root.value, key: [*found.value, dict(item)]}, comments=comments)
    return made


class _Reader:
    def __init__(self, text: str, *, comments: bool) -> None:
        self.text = text
        self.at = 0
        self._comments = comments
        self._skip()

    def fail(self, what: str) -> NoReturn:
        raise JsonError(what, _line(self.text, self.at))

    def value(self, depth: int) -> Node:
        if depth > _DEEPEST:
            self.fail("it is nested too deep")
        if self.text.startswith("{", self.at):
            return self._object(depth)
        if self.text.startswith("[", self.at):
            return self._array(depth)
        start = self.at
        value = self._scalar()
        return Node(value, start, start + self._length)

    def _object(self, depth: int) -> Node:
        node = Node({}, self.at, 0, members={})
        members = node.members
        assert members is not None  # noqa: S101 - for the checker of types
        while not self._closed(node, "}", empty=not members):
            if not self.text.startswith('"', self.at):
                self.fail("a key in double quotes is missing")
            node.first = self.at if node.first < 0 else node.first
            key = self._scalar()
            if key in members:
                self.fail(f'"{key}" stands there twice')
            if not self.text.startswith(":", self.at):
                self.fail(f'a colon is missing after "{key}"')
            self._step()
            members[key] = self.value(depth + 1)
            node.value[key] = members[key].value
        return node

    def _array(self, depth: int) -> Node:
        node = Node([], self.at, 0, items=[])
        items = node.items
        assert items is not None  # noqa: S101 - for the checker of types
        while not self._closed(node, "]", empty=not items):
            node.first = self.at if node.first < 0 else node.first
            items.append(self.value(depth + 1))
            node.value.append(items[-1].value)
        return node

    def _closed(self, node: Node, end: str, *, empty: bool) -> bool:
        """Steps over what stands between two members; whether it was the end."""
        if self.at == node.start:
            self._step()
        if not empty:
            node.trailing = self.text.startswith(",", self.at)
            if node.trailing:
                self._step()
        if self.text.startswith(end, self.at):
            if node.trailing and not self._comments:
                self.fail("a comma stands before the end of a list or object")
            node.end = self.at + 1
            self._step()
            return True
        if self.at >= len(self.text):
            self.fail("it ends in the middle")
        if not empty and not node.trailing:
            self.fail("a comma is missing")
        return False

    def _scalar(self) -> Any:  # noqa: ANN401 - any JSON value
        match = _SCALAR.match(self.text, self.at)
        if match is None:
            self.fail("it ends in the middle" if self.at >= len(self.text) else "a value is missing or malformed")
        try:
            value = json.loads(match[0])
        except ValueError:
            self.fail(f"{match[0][:20]} is not JSON")
        self._length = len(match[0])
        self.at = match.end()
        self._skip()
        return value

    def _step(self) -> None:
        self.at += 1
        self._skip()

    def _skip(self) -> None:
        while True:
            match = _SPACE.match(self.text, self.at)
            self.at = match.end() if match else self.at
            if not self.text.startswith(("//", "/*"), self.at):
                return
            if not self._comments:
                self.fail("there is a comment, which this client does not read")
            if self.text.startswith("//", self.at):
                comment = _LINE_COMMENT.match(self.text, self.at)
                self.at = comment.end() if comment else self.at
            else:
                end = self.text.find("*/", self.at + 2)
                if end < 0:
                    self.fail("a comment does not end")
                self.at = end + 2


def _edited(text: str, root: Node, path: Sequence[str], value: object) -> str:
    node = root
    for depth, key in enumerate(path):
        if node.members is None:
            where = f'"{path[depth - 1]}"' if depth else "the whole"
            raise JsonError(f"{where} is not an object", _line(text, node.start))
        if key not in node.members:
            return _inserted(text, node, key, _nested(path[depth + 1 :], value))
        node = node.members[key]
    if node.value == value:
        return text
    indent = _indent_at(text, node.start)
    return text[: node.start] + _rendered(value, indent, _unit(text, root), _newline(text)) + text[node.end :]


def _inserted(text: str, parent: Node, key: str | None, value: object) -> str:
    """The text with a member more at the end of an object or array."""
    newline, unit = _newline(text), _unit(text, parse(text, comments=True))
    outer = _indent_at(text, parent.start)
    own_line = parent.first >= 0 and not text[_line_start(text, parent.first) : parent.first].strip()
    indent = _indent_at(text, parent.first) if own_line else outer + unit
    label = "" if key is None else f"{json.dumps(key, ensure_ascii=False)}: "
    member = f"{indent}{label}{_rendered(value, indent, unit, newline)}"
    children = list((parent.members or {}).values()) or list(parent.items or [])
    close = parent.end - 1
    if not children:
        inside = text[parent.start + 1 : close].rstrip()
        return f"{text[: parent.start + 1]}{inside}{newline}{member}{newline}{outer}{text[close:]}"
    last = children[-1].end
    between = text[last:close].rstrip()
    comma = "" if parent.trailing else ","
    return f"{text[:last]}{comma}{between}{newline}{member}{newline}{outer}{text[close:]}"


def _rendered(value: object, indent: str, unit: str, newline: str) -> str:
    lines = json.dumps(value, indent=unit, ensure_ascii=False).split("\n")
    return f"{newline}{indent}".join(lines)


def _nested(path: Sequence[str], value: object) -> object:
    for key in reversed(path):
        value = {key: value}
    return value


def _merged(old: object, path: Sequence[str], value: object) -> object:
    if not path:
        return value
    table = old if isinstance(old, dict) else {}
    return {**table, path[0]: _merged(table.get(path[0]), path[1:], value)}


def _prove(made: str, meant: object, *, comments: bool) -> None:
    if parse(made, comments=comments).value != meant:
        raise JsonError("it is written in a way that cannot be changed safely", 1)


def _unit(text: str, root: Node) -> str:
    """One step of indentation, as the file has it."""
    found = _indent_at(text, root.first) if root.first >= 0 else ""
    return found if found and not found.strip(" \t") else "  "


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _indent_at(text: str, at: int) -> str:
    line = text[_line_start(text, at) : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
