"""What a page is made of: views, what they answer, and who looks."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal
from urllib.parse import quote, urlencode

from homeport.coordination.values import JsonObject, Millis
from homeport.errors import CallError, ForbiddenError, InvalidError, UnauthorizedError
from homeport.operations.dispatcher import Dispatcher
from homeport.transports.exchange import Exchange
from homeport.transports.pages.look import Look
from homeport.transports.pages.surveyed import Seen, parse_survey


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie to be set; one without a value is taken away."""

    what: str
    value: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Page:
    """An answer that is shown.

    Attributes:
        template: the file.
        title: without the environment's name.
        context: what the template is told besides what all are.
        status: of the response.
        cookies: to be set.
    """

    template: str
    title: str
    context: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    cookies: tuple[Cookie, ...] = ()


@dataclass(frozen=True, slots=True)
class Redirect:
    """An answer that leads elsewhere (303), as every form's does.

    Attributes:
        to: a path of ours, without the proxy's prefix.
        done: the name of a sentence that is shown there; see :mod:`.notices`.
        cookies: to be set.
    """

    to: str
    done: str | None = None
    cookies: tuple[Cookie, ...] = ()

    @property
    def location(self) -> str:
        """The path, with what was done."""
        if self.done is None:
            return self.to
        return f"{self.to}{'&' if '?' in self.to else '?'}{urlencode({'done': self.done})}"


_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Visitor:
    """Who looks, at what, and what they may do there.

    Attributes:
        exchange: the request.
        dispatcher: runs the operations; nothing else changes anything.
        look: of the environment.
        prefix: below which path a proxy offers the pages.
        name: the instance id under which the person acts; None where none was chosen yet.
        known: whether it was let in at all.
        asks_for_tokens: whether the environment answers nobody without one.
        lapsed: why a visit that the browser shows opens nothing (any more).
        key: a secret of this browser, which forms are bound to.
        path: what stands in the path's places.
        query: what stands in the address.
        form: what was filled in.
        position: the last event that had happened when the page was begun.
        survey: the text of what was last seen of all environments; see :meth:`surveyed`.
    """

    def __init__(self, exchange: Exchange, dispatcher: Dispatcher, look: Look, prefix: str, key: str) -> None:
        self.exchange = exchange
        self.dispatcher = dispatcher
        self.look = look
        self.prefix = prefix
        self.key = key
        self.name: str | None = None
        self.known = False
        self.asks_for_tokens = True
        self.lapsed: UnauthorizedError | None = None
        self.path: Mapping[str, str] = {}
        self.query: Mapping[str, str] = {}
        self.form: Mapping[str, str] = {}
        self.position = 0
        self.survey: Callable[[], bytes | None] = lambda: None

    @property
    def now(self) -> Millis:
        """The time."""
        return self.dispatcher.clock()

    @property
    def may_write(self) -> bool:
        """Whether it may change anything."""
        return self.exchange.caller.may("write")

    @property
    def seal(self) -> str:
        """What a form of ours carries: nobody makes it who does not have the browser's key."""
        return hmac.new(self.key.encode(), b"form", hashlib.sha256).hexdigest()

    async def surveyed(self) -> Seen:
        """What was last seen of all environments."""
        try:
            return parse_survey(await asyncio.to_thread(self.survey))
        except (OSError, ValueError) as error:
            return Seen(problem=str(error))

    async def read(self, operation: str, /, **arguments: Any) -> JsonObject:  # noqa: ANN401 - JSON values
        """What an operation answers; arguments that are None or empty are left out.

        Raises:
            CallError: it was refused.
        """
        return await self.dispatcher.look(operation, given(arguments), self.exchange.caller)

    async def find(self, operation: str, /, **arguments: Any) -> JsonObject | None:  # noqa: ANN401 - JSON values
        """The same; None where it is not there, or not for this visitor."""
        try:
            return await self.read(operation, **arguments)
        except CallError as error:
            if error.http_status in (403, 404):
                return None
            raise

    async def write(
        self,
        operation: str,
        /,
        always: Mapping[str, Any] = _NOTHING,
        **arguments: Any,  # noqa: ANN401 - JSON values
    ) -> JsonObject:
        """Has an operation carried out, in the person's name and as far as their token goes.

        Args:
            operation: its name.
            always: arguments that say something where they are empty, too.
            arguments: all others; those that are None or empty are left out.

        Raises:
            CallError: it was refused; nothing changed.
        """
        self.exchange.tool = operation
        return await self.dispatcher.call(operation, {**given(arguments), **always}, self.exchange.caller)

    def named(self) -> str:
        """The instance id under which the person acts.

        Raises:
            ForbiddenError: none was chosen yet.
        """
        if self.name is None:
            raise ForbiddenError("You have no name here yet.", "Choose one under “You”.")
        return self.name

    def filled(self, field_name: str, most: int = 1_000) -> str:
        """A field of the form, on one line, without blanks at its ends.

        Raises:
            InvalidError: it is longer than it may be.
        """
        text = self.form.get(field_name, "").strip()
        if len(text) > most:
            raise InvalidError(f"{field_name}: {len(text)} characters.", f"At most {most}.")
        return text

    def text(self, field_name: str) -> str:
        """A field of several lines, as it was typed, its line ends as everywhere else."""
        return self.form.get(field_name, "").replace("\r\n", "\n")

    def here(self, **changed: str | None) -> str:
        """The address of this page with a changed query, without the prefix."""
        query = {key: value for key, value in {**self.query, **changed}.items() if value and key != "done"}
        path = quote(self.exchange.path, safe="/~")
        return f"{path}?{urlencode(query)}" if query else path


Answer = Page | Redirect
Work = Callable[[Visitor], Awaitable[Answer]]

ANYBODY: Final = "anybody"


@dataclass(frozen=True, slots=True)
class View:
    """One page, or what one of its forms does.

    Attributes:
        method: GET or POST.
        path: with ``{name}`` for a segment that may be anything.
        work: makes the answer.
        needs: ``known`` for whoever was let in, ``anybody`` for strangers, too.
    """

    method: Literal["GET", "POST"]
    path: str
    work: Work
    needs: Literal["known", "anybody"] = "known"


def given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments without those that say nothing; ``from_`` stands for ``from``, which Python keeps for itself."""
    said = {name: value for name, value in arguments.items() if value is not None and value not in ("", [], ())}
    if "from_" in said:
        said["from"] = said.pop("from_")
    return said
