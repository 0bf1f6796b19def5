"""What a site can be given besides the catalogue: tools, resources and prompts that use the SDK directly.

An operation knows nothing of a protocol, and so cannot ask a person something in the middle of its work, nor
answer with a picture. What needs that is added here, and served on the same ports, behind the same checks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from homeport.coordination.values import JsonObject

Handler = Callable[[Any, Any], Awaitable[Any]]
"""The SDK's request context and the typed parameters; answers a result, a mapping, or :class:`Deferred`."""


class Asking(Protocol):
    """Whom work that was deferred can ask."""

    async def ask(self, requests: JsonObject) -> dict[str, Any]:
        """Asks the client; its answers by the names of the requests."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """What a tool answers whose work takes long: clients that know the Tasks extension fetch the result later.

    Attributes:
        work: ends with the result of the call.
        required: whether it cannot be done while the client waits.
    """

    work: Callable[[Asking], Awaitable[Any]]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Extra:
    """One more tool, resource, template or prompt.

    Attributes:
        listed: how lists show it.
        handler: answers requests for it.
    """

    listed: JsonObject
    handler: Handler


@dataclass(frozen=True, slots=True)
class Extension:
    """More than the catalogue has.

    Attributes:
        tools: by name.
        resources: by URI.
        templates: by the beginning of the URIs that they stand for.
        prompts: by name.
        complete: offers values for arguments of these, or None for what is not theirs.
    """

    tools: Mapping[str, Extra] = field(default_factory=dict)
    resources: Mapping[str, Extra] = field(default_factory=dict)
    templates: Mapping[str, Extra] = field(default_factory=dict)
    prompts: Mapping[str, Extra] = field(default_factory=dict)
    complete: Handler | None = None

    def resource(self, uri: str) -> Extra | None:
        """Who answers for a URI."""
        begun = (extra for start, extra in self.templates.items() if uri.startswith(start))
        return self.resources.get(uri) or next(begun, None)


NOTHING: Final = Extension()
