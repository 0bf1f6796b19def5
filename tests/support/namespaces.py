"""Machines that are network namespaces of this one: each with an address of its own on one bridge, and a cable to pull.

Nothing of it is in this machine's own network; what tests have to reach, they reach by unix sockets.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count

_CABLE = "eth0"
_numbers = count()


@dataclass(frozen=True)
class Namespace:
    """One of them.

    Attributes:
        name: as ``ip netns`` knows it.
        address: on the bridge.
    """

    name: str
    address: str

    @property
    def prefix(self) -> tuple[str, ...]:
        """What a command begins with to run in it."""
        return ("ip", "netns", "exec", self.name)

    def pull(self) -> None:
        """Nothing reaches it any more, and nobody is told that."""
        _ip("-n", self.name, "link", "set", _CABLE, "down")

    def plug_in(self) -> None:
        """It is on the network again."""
        _ip("-n", self.name, "link", "set", _CABLE, "up")


@cache
def why_not() -> str | None:
    """Why none can be made here; None where they can."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "network namespaces take root and the program ip"
    name = f"homeport-{os.getpid()}-try"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"network namespaces cannot be made here: {tried.stderr.strip()}"
    try:
        made = ("ip", "-n", name, "link", "add", "br0", "type", "bridge")
        tried = subprocess.run(made, capture_output=True, text=True, check=False)
        return f"a bridge cannot be made here: {tried.stderr.strip()}" if tried.returncode else None
    finally:
        _ip("netns", "delete", name)


@contextmanager
def namespaces(many: int) -> Iterator[list[Namespace]]:
    """So many on one bridge; they are gone afterwards, with whatever was plugged in."""
    stem = f"homeport-{os.getpid()}-{next(_numbers)}"
    made = [Namespace(f"{stem}-{number}", f"10.213.0.{number + 10}") for number in range(many)]
    bridge = f"{stem}-bridge"
    names = [bridge, *(one.name for one in made)]
    try:
        for name in names:
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", bridge, "link", "add", "br0", "type", "bridge")
        _ip("-n", bridge, "link", "set", "br0", "up")
        for number, one in enumerate(made):
            port = f"port{number}"
            _ip("-n", bridge, "link", "add", port, "type", "veth", "peer", "name", _CABLE, "netns", one.name)
            _ip("-n", bridge, "link", "set", port, "master", "br0", "up")
            _ip("-n", one.name, "address", "add", f"{one.address}/24", "dev", _CABLE)
            one.plug_in()
        yield made
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
