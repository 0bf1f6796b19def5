"""Addresses: whom a message is for, as senders write it and as the store matches it.

A sender writes ``to`` as the earlier server's clients do: an instance id, ``all`` in any case, a role's
name, ``role:<role>``, ``project-team:<project>``, ``project-member:<project>:<instance>``, or several of
these joined by commas (or as a list). A message has one channel for each address; an instance listens on
the channels of its id, its role, its projects, and ``all``. Delivery is the match of the two, whichever
comes first: the message or the listener.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from homeport.coordination.values import MAX_ITEMS, checked_name
from homeport.errors import InvalidError, TooLargeError

Kind = Literal["all", "instance", "role", "project", "name"]
"""``name``: neither an instance nor a role of that name is known yet; it waits for whichever comes."""

EVERYBODY: Final = "all"
"""In any case: whoever is here, and whoever comes."""

_ROLE = "role:"
_TEAM = ("project-team:", "project:")
_MEMBER = "project-member:"
_INSTANCE = "instance:"


@dataclass(frozen=True, slots=True)
class Address:
    """One addressee, or one group of them."""

    kind: Kind
    value: str = ""

    @property
    def channel(self) -> str:
        """What the store matches: two addresses that reach the same listeners have the same channel."""
        value = self.value.casefold() if self.kind in ("role", "name") else self.value
        return f"{self.kind}:{value}" if value else self.kind

    def __str__(self) -> str:
        """The form that a sender would write."""
        match self.kind:
            case "all":
                return "all"
            case "role":
                return _ROLE + self.value
            case "project":
                return _TEAM[0] + self.value
            case "instance" | "name":
                return self.value

    @classmethod
    def of_channel(cls, channel: str) -> Address:
        """The opposite of :attr:`channel` (with a role in lower case)."""
        kind, _, value = channel.partition(":")
        return cls(kind, value)  # type: ignore[arg-type]  # only channels that Address made are stored


@dataclass(frozen=True, slots=True)
class Directory:
    """What is known of names at the time of sending."""

    is_instance: Callable[[str], bool]
    is_role: Callable[[str], bool]


def parse(to: str | Iterable[str], directory: Directory) -> tuple[Address, ...]:
    """The addresses in ``to``, each once, in the order given.

    Raises:
        InvalidError: there is none, or one of them cannot be an address.
        TooLargeError: more than :data:`~homeport.coordination.values.MAX_ITEMS`.
    """
    words = to.split(",") if isinstance(to, str) else [word for part in to for word in part.split(",")]
    addresses = tuple(dict.fromkeys(_one(word.strip(), directory) for word in words if word.strip()))
    if not addresses:
        raise InvalidError("to: nobody is named.", "Give an instance id, a role, project-team:<project>, or all.")
    if len(addresses) > MAX_ITEMS:
        raise TooLargeError(f"to: {len(addresses)} addressees, at most {MAX_ITEMS}.", "Write to a role, a team or all.")
    return addresses


def channels_of(instance_id: str, role: str, projects: Iterable[str]) -> tuple[str, ...]:
    """The channels that an instance listens on."""
    own = (Address("instance", instance_id), Address("name", instance_id), Address("role", role), Address("name", role))
    teams = (Address("project", project) for project in projects)
    return tuple(dict.fromkeys(address.channel for address in (*own, *teams, Address("all"))))


def _one(word: str, directory: Directory) -> Address:
    if word.casefold() == EVERYBODY:
        return Address("all")
    if word.startswith(_ROLE):
        return Address("role", checked_name(word.removeprefix(_ROLE), "to"))
    for prefix in _TEAM:
        if word.startswith(prefix):
            return Address("project", checked_name(word.removeprefix(prefix), "to"))
    if word.startswith(_MEMBER):
        return Address("instance", checked_name(word.rpartition(":")[2], "to"))
    name = checked_name(word.removeprefix(_INSTANCE), "to")
    if word.startswith(_INSTANCE) or directory.is_instance(name):
        return Address("instance", name)
    return Address("role" if directory.is_role(name) else "name", name)
