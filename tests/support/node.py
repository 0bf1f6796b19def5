"""The npm tools that the tests run: a node of a known version, the TypeScript SDK, the inspector."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

DIRECTORY: Final = Path(__file__).parent.parent / "clients" / "node"


class NodeTools(NamedTuple):
    """How to start node so that it finds the locked packages: run ``node`` with ``directory`` as working directory."""

    node: Path
    directory: Path

    def tool(self, name: str) -> list[str]:
        """The beginning of an argument list that runs a package's command, as npx would."""
        return [str(self.node), str(self.directory / "node_modules" / ".bin" / name)]


def find_node_tools() -> NodeTools | None:
    """The tools where ``make node`` has installed them, else nothing."""
    if not (DIRECTORY / "node_modules" / ".stamp").exists():
        return None
    packed = DIRECTORY.glob("node_modules/node-*/bin/node")
    node = next((path for path in sorted(packed) if os.access(path, os.X_OK)), None)
    return None if node is None else NodeTools(node, DIRECTORY)
