"""``/authorize``: a person signs in with a token, sees what a client would get, and decides.

Two steps, of which each is bound to the request it was shown for and to the browser it was shown in: the first by a
signature, the second by a secret that is kept in the store and good once. A form that another page made up, or that
was shown for another request, leads back to the first step.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import Final

from homeport.coordination import oauth, tokens
from homeport.coordination.oauth import CONSENT_LASTS, Credential
from homeport.coordination.store import Records
from homeport.coordination.tokens import Token
from homeport.errors import UnauthorizedError
from homeport.secret import Secret
from homeport.transports.exchange import Exchange
from homeport.transports.oauth import asking, names, pages, redirects
from homeport.transports.oauth.asking import Asked, NowhereError, Wrong
from homeport.transports.oauth.forms import FormError, form_of
from homeport.transports.oauth.realm import Realm

COOKIE: Final = "__Host-homeport-consent"
_STALE: Final = "This page was too old, or not yours. Please sign in again."


class Consent:
    """Answers ``/authorize``.

    Args:
        realm: whose access is granted.
    """

    def __init__(self, realm: Realm) -> None:
        self._realm = realm

    async def __call__(self, exchange: Exchange) -> None:
        """Answers a request."""
        query = exchange.scope.get("query_string", b"").decode("latin-1")
        try:
            asked = await asking.asked(self._realm, query)
            form = (await form_of(exchange))[1] if exchange.method == "POST" else None
        except (NowhereError, FormError) as error:
            page = pages.nowhere(self._realm.environment, str(error))
            exchange.error = "invalid_request"
            await exchange.respond(400, page, pages.HTML, pages.headers())
            return
        if isinstance(asked, Wrong):
            answer = {"error": asked.error, "error_description": asked.description, "state": asked.state}
            exchange.error = asked.error
            await self._redirect(exchange, asked.redirect_uri, answer)
        elif form is None:
            await self._ask_for_token(exchange, asked, query)
        elif form.get("step") == "decide":
            await self._decide(exchange, asked, query, form)
        else:
            await self._sign_in(exchange, asked, query, form)

    async def _ask_for_token(
        self, exchange: Exchange, asked: Asked, query: str, wrong: str | None = None, status: int = 200
    ) -> None:
        browser = _browser(exchange) or secrets.token_urlsafe(32)
        expires = self._realm.clock() + CONSENT_LASTS
        form = f"{expires}.{self._signature(asked, browser, expires)}"
        page = pages.signing_in(self._realm.environment, asked, query, form, wrong)
        cookie = f"{COOKIE}={browser}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={CONSENT_LASTS // 1000}"
        headers = [*pages.headers(asked.redirect_uri), (b"set-cookie", cookie.encode())]
        await exchange.respond(status, page, pages.HTML, headers)

    async def _sign_in(self, exchange: Exchange, asked: Asked, query: str, form: dict[str, str]) -> None:
        browser = _browser(exchange)
        if browser is None or not self._is_ours(asked, browser, form.get("form", "")):
            await self._ask_for_token(exchange, asked, query, _STALE, 403)
            return
        if form.get("decision") == "deny":
            await self._deny(exchange, asked)
            return
        try:
            token = await self._token(form.get("token", "").strip())
        except UnauthorizedError as error:
            await self._refused(exchange, error)
            await self._ask_for_token(exchange, asked, query, error.sentence, 403)
            return
        scope = oauth.lower(asked.scope or token.scope, token.scope)
        secret, now = Secret(secrets.token_urlsafe(32)), self._realm.clock()
        data = {"token_id": token.id, "request": asked.fingerprint, "browser": _digest(browser)}
        await self._realm.store.write(
            lambda records: oauth.begin_consent(records, secret, asked.client.id, scope, data, now)
        )
        page = pages.deciding(self._realm.environment, asked, query, secret.reveal(), token, scope)
        await exchange.respond(200, page, pages.HTML, pages.headers(asked.redirect_uri))

    async def _decide(self, exchange: Exchange, asked: Asked, query: str, form: dict[str, str]) -> None:
        code, now = Secret(secrets.token_urlsafe(32)), self._realm.clock()
        allowed, grant_id, shown = form.get("decision") == "allow", secrets.token_hex(8), form.get("consent", "")
        bound = {"request": asked.fingerprint, "browser": _digest(_browser(exchange) or "")}

        def work(records: Records) -> bool:
            taken = oauth.take_consent(records, shown, now)
            if taken is None or not _is_bound(taken, asked, bound):
                return False
            if allowed:
                data = {"challenge": asked.challenge, "redirect_uri": asked.redirect_uri}
                oauth.grant(records, asked.client, taken[1], taken[0].scope, grant_id, code, data, now)
            return True

        if not await self._realm.store.write(work):
            await self._ask_for_token(exchange, asked, query, _STALE, 403)
        elif allowed:
            facts = {"client": asked.client.name, "client_id": asked.client.id, "grant": grant_id}
            self._realm.log.event("info", "a client was let in", **facts)
            await self._redirect(exchange, asked.redirect_uri, {"code": code.reveal(), "state": asked.state})
        else:
            await self._deny(exchange, asked)

    async def _token(self, text: str) -> Token:
        """The good static token of that text; what OAuth itself gave out lets nobody in further.

        Raises:
            UnauthorizedError: it is none.
        """
        token_id = tokens.id_of(text, self._realm.environment)
        found = await self._realm.store.read(lambda records: records.tokens.get(token_id))
        return tokens.judge(found, oauth.digest(text), self._realm.environment, self._realm.clock())

    async def _refused(self, exchange: Exchange, error: UnauthorizedError) -> None:
        exchange.error = error.code
        if self._realm.has_share("refused", exchange.client):
            facts = {"request_id": exchange.request_id, "client": exchange.client, "path": names.AUTHORIZE}
            self._realm.log.event("warning", "caller refused", reason=error.sentence, **facts)

    async def _deny(self, exchange: Exchange, asked: Asked) -> None:
        await self._redirect(exchange, asked.redirect_uri, {"error": "access_denied", "state": asked.state})

    async def _redirect(self, exchange: Exchange, uri: str, answer: dict[str, str | None]) -> None:
        location = redirects.answered(uri, {**answer, "iss": self._realm.issuer})
        headers = [*pages.headers(uri), (b"location", location.encode("latin-1"))]
        await exchange.respond(303, b"", pages.HTML, headers)

    def _is_ours(self, asked: Asked, browser: str, form: str) -> bool:
        text, _, signature = form.partition(".")
        if not text.isascii() or not text.isdigit() or len(text) > 16 or int(text) <= self._realm.clock():
            return False
        return hmac.compare_digest(signature.encode(), self._signature(asked, browser, int(text)).encode())

    def _signature(self, asked: Asked, browser: str, expires: int) -> str:
        # What no other page knows is the browser's cookie, and any server of the environment can check it.
        return hmac.new(browser.encode(), f"{expires}.{asked.fingerprint}".encode(), hashlib.sha256).hexdigest()


def _is_bound(taken: tuple[Credential, Token], asked: Asked, bound: dict[str, str]) -> bool:
    consent = taken[0]
    same = all(hmac.compare_digest(str(consent.data.get(name)), value) for name, value in bound.items())
    return same and consent.client_id == asked.client.id


def _browser(exchange: Exchange) -> str | None:
    """What the cookie says that came with the first step."""
    try:
        cookies = SimpleCookie(exchange.headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return None
    found = cookies.get(COOKIE)
    return found.value if found is not None and 20 < len(found.value) < 100 else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
