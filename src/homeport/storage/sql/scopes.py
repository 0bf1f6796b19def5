"""Scopes: words that nobody can type, under which the index of words finds what belongs together.

Each stands for one property: sent on a channel, by somebody, in a thread, with a tag; part of a project. A lookup of
scopes alone answers a filter of messages. Ordinary indexes would have every message change a page for its sender, its
thread and each of its addressees, and the pages that a transaction changes are most of what it costs.
"""

from __future__ import annotations

from base64 import b32encode
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from homeport.coordination.messages import Message, MessageFilter

MARK: Final = "\ue000"
"""Begins every scope: a private-use letter, which the tokenizer keeps in words and no question can hold."""


@lru_cache(maxsize=4096)
def _scope(kind: str, value: str) -> str:
    # 80 bits: nobody can make up a second name with the scope of another.
    name = f"{kind}\n{value}".encode("utf-8", "surrogatepass")
    return MARK + b32encode(blake2b(name, digest_size=10).digest()).decode().lower()


def channel_scope(channel: str) -> str:
    """The scope of what was sent on a channel."""
    return _scope("channel", channel)


def sender_scope(sender: str) -> str:
    """The scope of what somebody sent."""
    return _scope("sender", sender)


def project_scope(project_id: str) -> str:
    """The scope of what belongs to a project."""
    return _scope("project", project_id)


def message_scopes(message: Message) -> str:
    """All scopes of a message, as its row keeps them."""
    scopes = [
        sender_scope(message.sender),
        _scope("type", message.type),
        _scope("priority", message.priority),
        _scope("status", message.status),
        *(channel_scope(address.channel) for address in message.to),
        *(_scope("tag", tag) for tag in message.tags),
    ]
    if message.thread_id is not None:
        scopes.append(_scope("thread", message.thread_id))
    return " ".join(dict.fromkeys(scopes))


def wanted_scopes(which: MessageFilter) -> list[list[str]]:
    """What a filter asks for: of each list one scope at least."""
    wanted = [
        [_scope(kind, value)]
        for kind, value in (
            ("sender", which.sender),
            ("channel", which.channel),
            ("type", which.type),
            ("priority", which.priority),
            ("status", which.status),
            ("thread", which.thread_id),
        )
        if value is not None
    ]
    if which.tags:
        wanted.append([_scope("tag", tag) for tag in which.tags])
    return wanted
