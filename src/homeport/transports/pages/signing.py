"""Signing in with a token, once; choosing a name; signing out, here or everywhere."""

from __future__ import annotations

import re
import secrets
import time
from typing import Final

from homeport.coordination import oauth, tokens, visits
from homeport.coordination.oauth import Grant
from homeport.coordination.store import Records
from homeport.errors import CallError, InvalidError, LimitedError, NotFoundError, UnauthorizedError
from homeport.operations.caller import Caller
from homeport.secret import Secret
from homeport.transports.buckets import Buckets
from homeport.transports.pages import names
from homeport.transports.pages.ground import Ground
from homeport.transports.pages.view import Answer, Cookie, Page, Redirect, View, Visitor

ATTEMPTS: Final = 10
"""To sign in, a minute, from one address."""
ROLE: Final = "person"
_YEAR: Final = 365 * 24 * 60 * 60
_BROWSERS: Final = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)
_OURS: Final = re.compile(r"/(?![/\\])[^\\\x00-\x20]*")


class Signing:
    """Who somebody is, and how they say so.

    Args:
        ground: what pages stand on.
    """

    def __init__(self, ground: Ground) -> None:
        self._gate = ground.gate
        self._store = ground.dispatcher.store
        self._environment = ground.about.environment
        self._log = ground.log
        self._attempts = Buckets(ATTEMPTS)
        ground.shares.share("sign-in", self._attempts)

    def views(self) -> tuple[View, ...]:
        """The pages of this part."""
        return (
            View("GET", names.SIGN_IN, self.asking, "anybody"),
            View("POST", names.SIGN_IN, self.sign_in, "anybody"),
            View("POST", "/sign-out", self.sign_out, "anybody"),
            View("GET", "/me", self.me),
            View("POST", "/me/name", self.choose_name),
            View("POST", "/me/sign-out-everywhere", self.sign_out_everywhere),
            View("POST", "/me/visits/{id}/end", self.end_visit),
        )

    async def asking(self, visitor: Visitor) -> Answer:
        """The page that asks for a token."""
        return _asking(visitor)

    async def sign_in(self, visitor: Visitor) -> Answer:
        """Takes a token, and gives the browser a secret of its own."""
        level = self._attempts.take(visitor.exchange.client, time.monotonic())
        if not level.allowed:
            return _asking(visitor, f"Too many attempts from here. Come again in {level.next_in} s.", 429)
        random = secrets.token_bytes(tokens.RANDOM_BYTES)
        shown, secret = Secret(visitor.filled("token", 200)), tokens.mint(self._environment, random)[1]
        browser, grant_id, now = browser_of(visitor), secrets.token_hex(8), visitor.now

        def work(records: Records) -> tuple[Grant, tokens.Token]:
            return visits.begin(records, shown, browser, grant_id, secret, self._environment, now)

        try:
            made, token = await self._store.write(work)
        except UnauthorizedError as error:
            told = self._gate.failed(visitor.exchange, error)
            status = 429 if isinstance(told, LimitedError) else 403
            visitor.exchange.error = told.code
            return _asking(visitor, f"{told.sentence} {told.hint}", status)
        facts = {"token": token.id, "name": token.name, "visit": made.id, "browser": browser}
        self._log.event("info", "a person signed in", **facts)
        session = Cookie("session", secret.reveal(), visits.LASTS // 1000)
        # A browser that somebody else may have touched before gets another key along with its session.
        cookies = (session, Cookie("key", secrets.token_urlsafe(24), _YEAR))
        if token.instance_id is not None:
            await self._introduce(visitor, token.instance_id, token.scope)
        return Redirect(_next(visitor), "welcome", cookies)

    async def sign_out(self, visitor: Visitor) -> Answer:
        """Ends this browser's visit."""
        found = await self._visit(visitor)
        if found is not None:
            await self._store.write(lambda records: oauth.end(records, found.id, visitor.now))
        return Redirect(names.SIGN_IN, "left", (Cookie("session", "", 0), Cookie("name", "", 0)))

    async def sign_out_everywhere(self, visitor: Visitor) -> Answer:
        """Ends the visits of all browsers that signed in with the same token."""
        found = await self._visit(visitor)
        if found is None:
            raise InvalidError("You are not signed in with a token.", "There is nothing to sign out of.")
        await self._store.write(lambda records: visits.end_all(records, found.token_id, visitor.now))
        return Redirect(names.SIGN_IN, "left-everywhere", (Cookie("session", "", 0), Cookie("name", "", 0)))

    async def end_visit(self, visitor: Visitor) -> Answer:
        """Ends the visit of another browser of the same person."""
        own = await self._visit(visitor)
        others = await self._visits(visitor, own)
        wanted = visitor.path["id"]
        if wanted not in {one.id for one in others}:
            raise NotFoundError("There is no such visit of yours.", "It may have ended meanwhile.")
        await self._store.write(lambda records: oauth.end(records, wanted, visitor.now))
        return Redirect("/me", "changed")

    async def me(self, visitor: Visitor, complaint: CallError | None = None) -> Answer:
        """Who one is here, and where one is signed in."""
        own = await self._visit(visitor)
        context = {
            "visit": own,
            "visits": await self._visits(visitor, own),
            "known_as": await self._known_as(visitor),
            "complaint": complaint,
            "wanted": visitor.form.get("name", ""),
        }
        return Page("me.html", "You", context, status=complaint.http_status if complaint else 200)

    async def choose_name(self, visitor: Visitor) -> Answer:
        """Takes a name, and introduces it to the others."""
        if visitor.exchange.caller.instance_id is not None:
            raise InvalidError("Your token speaks as one name alone.", "Sign in with another token for another name.")
        name = visitor.filled("name", 200)
        try:
            await self._introduce(visitor, name, visitor.exchange.caller.scope)
        except CallError as error:
            return await self.me(visitor, error)
        return Redirect(_next(visitor), "named", (Cookie("name", name.encode().hex(), _YEAR),))

    async def _introduce(self, visitor: Visitor, name: str, scope: str) -> None:
        """Registers a person whom nobody knows yet; one that only reads stays unknown.

        Raises:
            CallError: it cannot be a name.
        """
        dispatcher, caller = visitor.dispatcher, visitor.exchange.caller
        is_known = await self._store.read(lambda records: records.instances.exists(name))
        if is_known or scope == "read":
            return
        # Before the visit began the caller was nobody, who may do this only as the token itself.
        acting = caller if visitor.known else _as_token(name, scope)
        await dispatcher.call("register_instance", {"instanceId": name, "role": ROLE}, acting)

    async def _known_as(self, visitor: Visitor) -> dict[str, object] | None:
        if visitor.name is None:
            return None
        found = await visitor.find("get_instance", instanceId=visitor.name)
        return found["instance"] if found else None

    async def _visit(self, visitor: Visitor) -> Grant | None:
        session = names.session(visitor.exchange, self._environment)
        if session is None:
            return None
        secret = Secret(session.decode("latin-1"))
        return await self._store.read(lambda records: visits.of(records, secret, visitor.now))

    async def _visits(self, visitor: Visitor, own: Grant | None) -> list[Grant]:
        if own is None:
            return []
        return list(await self._store.read(lambda records: visits.open_ones(records, own.token_id, visitor.now)))


def _as_token(name: str, scope: str) -> Caller:
    """The caller that a token makes of somebody whose visit begins only with this very answer."""
    return Caller(name, "admin" if scope == "admin" else "write", name)


def browser_of(visitor: Visitor) -> str:
    """How a person will know a browser in a list; what it says of itself proves nothing."""
    agent = visitor.exchange.headers.get(b"user-agent", b"").decode("latin-1")[:400]
    browser = next((name for mark, name in _BROWSERS if mark in agent), "A browser")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return f"{browser} on {system}" if system else browser


def _asking(visitor: Visitor, complaint: str = "", status: int = 200) -> Page:
    context = {
        "complaint": complaint,
        "next": _next(visitor),
        "ended": "ended" in visitor.query,
    }
    # Not before it is said: what scripts ask in between must not make it unsaid.
    gone = (Cookie("session", "", 0),) if visitor.lapsed is not None else ()
    return Page("sign-in.html", "Sign in", context, status, gone)


def _next(visitor: Visitor) -> str:
    """Where a person wanted to go, if that is one of our own pages."""
    wanted = visitor.form.get("next") or visitor.query.get("next") or "/"
    return wanted if _OURS.fullmatch(wanted) and not wanted.startswith(names.SIGN_IN) else "/"
