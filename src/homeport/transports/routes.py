"""From method and path to an operation of the JSON API."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote

from homeport.operations.operation import Operation


class Route(NamedTuple):
    """Where a path leads: operations by method, and the arguments that stand in the path."""

    operations: dict[str, Operation]
    arguments: dict[str, str]


@dataclass(slots=True)
class _Node:
    fixed: dict[str, _Node] = field(default_factory=dict)
    argument: tuple[str, _Node] | None = None
    operations: dict[str, Operation] = field(default_factory=dict)


class Routes:
    """The paths of a catalogue. A fixed part of a path goes before an argument.

    Raises:
        ValueError: two operations have one method and path, or one place two names for its argument.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            node = self._root
            for part in _parts(operation.http.path):
                node = _next(node, part)
            if operation.http.method in node.operations:
                raise ValueError(f"{operation.name}: {operation.http} is taken")
            node.operations[operation.http.method] = operation

    def find(self, path: str) -> Route | None:
        """What the path leads to.

        Args:
            path: below the API's prefix, still percent-encoded: an id may hold anything but a plain slash.
        """
        node, arguments = self._root, {}
        for part in _parts(path):
            value = unquote(part)
            if value in node.fixed:
                node = node.fixed[value]
            elif node.argument is not None:
                name, node = node.argument
                arguments[name] = value
            else:
                return None
        return Route(node.operations, arguments) if node.operations else None


def _parts(path: str) -> list[str]:
    return path.removeprefix("/").split("/")


def _next(node: _Node, part: str) -> _Node:
    if not part.startswith("{"):
        return node.fixed.setdefault(part, _Node())
    name = part.strip("{}")
    if node.argument is None:
        node.argument = (name, _Node())
    if node.argument[0] != name:
        raise ValueError(f"{part}: the same place is called {node.argument[0]!r} elsewhere")
    return node.argument[1]
