"""Answers requests for pages: finds out who looks, lets the view do its work, and says what went wrong in words."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from homeport.coordination.values import checked_name
from homeport.errors import (
    CallError,
    ForbiddenError,
    HomeportError,
    InvalidError,
    NotFoundError,
    UnauthorizedError,
)
from homeport.transports.exchange import MAX_BODY, BodyRefusedError, ClientGoneError, Exchange, Header
from homeport.transports.oauth.forms import FormError, form_of
from homeport.transports.pages import names
from homeport.transports.pages.assets import Assets
from homeport.transports.pages.catalogue import VIEWS
from homeport.transports.pages.environments import Environments
from homeport.transports.pages.flags import favicon
from homeport.transports.pages.ground import Ground
from homeport.transports.pages.look import Look
from homeport.transports.pages.navigation import places
from homeport.transports.pages.rendering import HEADERS, Renderer
from homeport.transports.pages.routes import Table
from homeport.transports.pages.signing import Signing
from homeport.transports.pages.view import ANYBODY, Answer, Cookie, Page, Redirect, View, Visitor
from homeport.transports.prefix import outer_prefix

HTML: Final = b"text/html; charset=utf-8"
YEAR: Final = 365 * 24 * 60 * 60
_MANY: Final = 100


class Pages:
    """All pages of an environment.

    Args:
        ground: what they stand on.
    """

    def __init__(self, ground: Ground) -> None:
        about = ground.about
        self._gate = ground.gate
        self._log = ground.log
        self._dispatcher = ground.dispatcher
        self._environment = about.environment
        self._survey = about.survey
        self._look = Look(
            about.environment, about.version, about.release, ground.protected, about.origin, about.rehearsal
        )
        self._assets = Assets({"favicon.svg": favicon(about.environment)})
        self._renderer = Renderer(self._look, self._assets, lambda: ground.dispatcher.clock() / 1000)
        views = (*VIEWS, *Environments(ground).views())
        self._places = places(views)
        self._table = Table((*views, *Signing(ground).views()))

    async def __call__(self, exchange: Exchange) -> None:
        """Answers a request."""
        if exchange.path.startswith(f"/{names.STATIC}/"):
            await self._assets.answer(exchange)
            return
        key = names.cookie(exchange, self._environment, "key") or ""
        is_new = len(key) < 20
        visitor = Visitor(
            exchange, self._dispatcher, self._look, outer_prefix(exchange), secrets.token_urlsafe(24) if is_new else key
        )
        visitor.survey = self._survey
        cookies = [Cookie("key", visitor.key, YEAR)] if is_new else []
        try:
            answer = await self._answered(visitor)
            await self._send(visitor, answer, [*cookies, *answer.cookies])
        except (BodyRefusedError, ClientGoneError):
            raise
        except Exception as error:
            if exchange.status:
                raise
            self._log.failure("page failed", error, request_id=exchange.request_id, path=exchange.path)
            exchange.error = "internal"
            failed = HomeportError(
                "Something went wrong here.", f"The server's log has it under {exchange.request_id}."
            )
            await self._send(visitor, Page("refused.html", "That did not work", {"error": failed}, 500), cookies)

    async def _answered(self, visitor: Visitor) -> Answer:
        exchange = visitor.exchange
        try:
            view = self._view(exchange, visitor)
            await self._recognise(visitor)
            if view.needs != ANYBODY and not visitor.known:
                return _to_sign_in(exchange, visitor.lapsed)
            if exchange.method == "POST":
                visitor.form = await _form(visitor)
            return await view.work(visitor)
        except UnauthorizedError as error:
            return _to_sign_in(exchange, error)
        except CallError as error:
            exchange.error = error.code
            return _refused(error)

    def _view(self, exchange: Exchange, visitor: Visitor) -> View:
        found = self._table.find(exchange)
        if found is None:
            raise NotFoundError(
                "There is no such page.", "It may have had another name once; search finds what is said."
            )
        view = found.views.get("GET" if exchange.method == "HEAD" else exchange.method)
        if view is None:
            raise NotFoundError(
                f"Nothing is done here by {exchange.method}.", "Go back to the page that you came from."
            )
        visitor.path = found.path
        query = exchange.scope.get("query_string", b"").decode("latin-1")
        visitor.query = (
            dict(parse_qsl(query, errors="replace", max_num_fields=_MANY)) if query.count("&") < _MANY else {}
        )
        return view

    async def _recognise(self, visitor: Visitor) -> None:
        exchange = visitor.exchange
        try:
            await self._gate.know(exchange, names.session(exchange, self._environment))
        except UnauthorizedError as error:
            if names.session(exchange, self._environment) is not None:
                visitor.lapsed = error
            return
        visitor.known = True
        visitor.asks_for_tokens = not self._gate.is_open
        visitor.position = await self._dispatcher.feed.last()
        visitor.name = exchange.caller.instance_id or _chosen(exchange, self._environment)
        if visitor.name is not None:
            await self._dispatcher.sighted(visitor.name)

    async def _send(self, visitor: Visitor, answer: Answer, cookies: list[Cookie]) -> None:
        exchange = visitor.exchange
        headers = [*HEADERS, *(self._set(visitor, one) for one in cookies)]
        if isinstance(answer, Redirect):
            location = f"{visitor.prefix}{answer.location}".encode("ascii", "replace")
            await exchange.respond(303, b"", HTML, [*headers, (b"location", location)])
            return
        frame = await self._frame(visitor)
        body = await asyncio.to_thread(self._renderer.render, answer, visitor, frame)
        await exchange.respond(answer.status, body, HTML, headers)

    async def _frame(self, visitor: Visitor) -> dict[str, Any]:
        """What the layout shows around every page."""
        path = visitor.exchange.path
        frame = {
            "unread": 0,
            "is_open": self._gate.is_open,
            "caller": visitor.exchange.caller,
            "position": visitor.position,
            "nav": [replace(place, is_here=place.holds(path)) for place in self._places],
            "section": path.split("/")[1],
            # A form that is sent twice does its work once.
            "once": secrets.token_urlsafe(12),
        }
        if visitor.known and visitor.name is not None:
            box = await visitor.find("get_messages", instanceId=visitor.name, limit=1)
            frame["unread"] = box["unread"] if box else 0
        return frame

    def _set(self, visitor: Visitor, cookie: Cookie) -> Header:
        name = names.cookie_name(self._environment, cookie.what)
        secure = "; Secure" if visitor.exchange.scope.get("scheme") == "https" else ""
        end = f"Max-Age={cookie.seconds}"
        text = f"{name}={cookie.value}; Path={visitor.prefix or '/'}; {end}; HttpOnly; SameSite=Lax{secure}"
        return b"set-cookie", text.encode("latin-1")


def _chosen(exchange: Exchange, environment: str) -> str | None:
    """The name that a person has chosen whose token is bound to none."""
    text = names.cookie(exchange, environment, "name")
    if text is None:
        return None
    try:
        return checked_name(bytes.fromhex(text).decode(), "name")
    except (ValueError, InvalidError):
        return None


async def _form(visitor: Visitor) -> Mapping[str, str]:
    """The form, if it is one of ours: another page of this machine has neither the seal nor our origin.

    Raises:
        ForbiddenError: it is not.
        InvalidError: it is no form.
    """
    exchange = visitor.exchange
    host, origin = exchange.headers.get(b"host", b""), exchange.headers.get(b"origin")
    if origin is not None and origin.lower().partition(b"://")[2] != host.lower():
        raise ForbiddenError("This form was sent by a page of another site.", "Open the page here, and try again.")
    try:
        form = (await form_of(exchange, MAX_BODY))[1]
    except FormError as error:
        raise InvalidError(f"That was no form of this page: {error}.", "Reload the page, and try again.") from None
    if not hmac.compare_digest(form.get("seal", "").encode(), visitor.seal.encode()):
        raise ForbiddenError(
            "This form is not of this browser, or too old.", "Reload the page, and try again; cookies must be allowed."
        )
    return form


def _to_sign_in(exchange: Exchange, error: UnauthorizedError | None) -> Redirect:
    query = exchange.scope.get("query_string", b"").decode("latin-1")
    came_for = f"{exchange.path}?{query}" if query else exchange.path
    asked = {"next": came_for} if exchange.method == "GET" and came_for != "/" else {}
    if error is not None:
        exchange.error = error.code
        asked["ended"] = "1"
    return Redirect(f"{names.SIGN_IN}?{urlencode(asked)}" if asked else names.SIGN_IN)


def _refused(error: CallError) -> Page:
    title = {403: "Not allowed", 404: "Not found", 429: "Too many requests"}.get(error.http_status, "That did not work")
    return Page("refused.html", title, {"error": error}, status=error.http_status)
