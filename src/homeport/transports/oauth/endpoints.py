"""OAuth's endpoints. Importing this module loads the SDK's part of them; see ``place``.

The SDK answers ``/token`` and ``/register``, after checks that it leaves out: that nothing is said twice, the form of
a verifier, the resource. Its metadata offers secrets, which no client here has; its ``/revoke`` refuses
clients without one; its ``/authorize`` compares redirect URIs after rewriting them, takes a missing
``code_challenge_method`` for S256, and leaves ``iss`` out of errors. These three are ours.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson
from mcp.server.auth.handlers.register import RegistrationHandler
from mcp.server.auth.handlers.token import TokenHandler
from mcp.server.auth.middleware.client_auth import ClientAuthenticator
from mcp.server.auth.settings import ClientRegistrationOptions
from mcp.shared.auth import OAuthMetadata, ProtectedResourceMetadata
from pydantic import AnyUrl, ConfigDict, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from homeport.coordination import oauth
from homeport.coordination.tokens import SCOPES
from homeport.transports.edge import Endpoint
from homeport.transports.exchange import Exchange, Header, Message
from homeport.transports.oauth import names
from homeport.transports.oauth.consent import Consent
from homeport.transports.oauth.forms import FormError, body_of, form_of
from homeport.transports.oauth.provider import Provider
from homeport.transports.oauth.realm import Realm

_NO_STORE: Final[tuple[Header, ...]] = ((b"cache-control", b"no-store"),)
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_URL: Final[TypeAdapter[AnyUrl]] = TypeAdapter(AnyUrl, config=ConfigDict(url_preserve_empty_path=True))
_READING: Final = ("GET", "HEAD")

Answer = Callable[[Request], Awaitable[Response]]


class Endpoints:
    """Answers everything on OAuth's paths.

    Args:
        realm: whose access is granted.
    """

    def __init__(self, realm: Realm) -> None:
        self._realm = realm
        provider = Provider(realm)
        self._tokens: Answer = TokenHandler(provider, ClientAuthenticator(provider)).handle
        options = ClientRegistrationOptions(enabled=True, valid_scopes=None)
        self._registrations: Answer = RegistrationHandler(provider, options).handle
        protected, server = _protected_resource(realm), _authorization_server(realm)
        self._documents = {
            names.RESOURCE_METADATA: protected,
            f"{names.RESOURCE_METADATA}{names.MCP}": protected,
            names.SERVER_METADATA: server,
        }
        self._endpoints: dict[str, tuple[Endpoint | None, tuple[str, ...]]] = {
            names.AUTHORIZE: (Consent(realm), ("GET", "POST")),
            names.TOKEN: (self._token, ("POST",)),
            names.REGISTER: (self._register, ("POST",)),
            names.REVOKE: (self._revoke, ("POST",)),
        }

    async def __call__(self, exchange: Exchange) -> None:
        """Answers a request."""
        document = self._documents.get(exchange.path)
        endpoint, methods = (None, _READING) if document is not None else self._endpoints[exchange.path]
        if exchange.method not in methods:
            allowed = ", ".join(methods)
            error = {"code": "method", "message": f"{exchange.path} takes {allowed}, not {exchange.method}."}
            await exchange.problem(405, dict(error), [(b"allow", allowed.encode())])
        elif endpoint is None:
            await exchange.respond(200, document or b"", headers=((b"cache-control", b"max-age=300"),))
        else:
            await endpoint(exchange)

    async def _token(self, exchange: Exchange) -> None:
        try:
            body, form = await form_of(exchange)
        except FormError as error:
            await _refuse(exchange, "invalid_request", str(error))
            return
        if not self._realm.has_share(names.TOKEN, form.get("client_id", "")):
            await _refuse(exchange, "temporarily_unavailable", "too many requests of this client", 429)
        elif form.get("grant_type") not in ("authorization_code", "refresh_token"):
            await _refuse(exchange, "unsupported_grant_type", "authorization_code or refresh_token")
        elif form.get("resource") and not self._realm.is_resource(form["resource"]):
            await _refuse(exchange, "invalid_target", f"resource is {names.resource(self._realm.host)} here")
        elif form["grant_type"] == "authorization_code" and not _VERIFIER.fullmatch(form.get("code_verifier", "")):
            await _refuse(exchange, "invalid_request", "code_verifier is missing, or has not 43 to 128 characters")
        else:
            await _through(exchange, self._tokens, body)

    async def _register(self, exchange: Exchange) -> None:
        body = await body_of(exchange)
        if not self._realm.has_share(names.REGISTER):
            await _refuse(exchange, "temporarily_unavailable", "too many registrations in a minute", 429)
            return
        rewritten = _rewritten(body)
        if rewritten is not None:
            # They are compared letter by letter, and the SDK would keep and answer other letters.
            await _refuse(exchange, "invalid_redirect_uri", f"write it as {rewritten}")
            return
        await _through(exchange, self._registrations, body)

    async def _revoke(self, exchange: Exchange) -> None:
        try:
            _, form = await form_of(exchange)
        except FormError as error:
            await _refuse(exchange, "invalid_request", str(error))
            return
        client_id, now = form.get("client_id", ""), self._realm.clock()
        if not self._realm.has_share(names.REVOKE, client_id):
            await _refuse(exchange, "temporarily_unavailable", "too many requests of this client", 429)
        elif await self._realm.known(client_id) is None:
            await _refuse(exchange, "invalid_client", "client_id is missing or not known", 401)
        elif not form.get("token"):
            await _refuse(exchange, "invalid_request", "token is missing")
        else:
            token = form["token"]
            await self._realm.store.write(lambda records: oauth.revoke(records, token, client_id, now))
            await exchange.respond(200, b"", headers=_NO_STORE)


def _rewritten(body: bytes) -> str | None:
    """A redirect URI of a registration that the SDK would write in another way; what else is wrong is told by it."""
    try:
        uris = orjson.loads(body)["redirect_uris"]
        for uri in uris:
            normal = str(_URL.validate_python(uri))
            if normal != uri:
                return normal
    except (ValueError, TypeError, LookupError):
        pass
    return None


async def _through(exchange: Exchange, answer: Answer, body: bytes) -> None:
    """Lets one of the SDK's handlers answer a request whose body was read."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return pending.pop() if pending else await exchange.receive()

    response = await answer(Request(exchange.scope, receive))
    await response(exchange.scope, receive, exchange.send)


async def _refuse(exchange: Exchange, error: str, description: str, status: int = 400) -> None:
    exchange.error = error
    body = orjson.dumps({"error": error, "error_description": description})
    await exchange.respond(status, body, headers=_NO_STORE)


def _protected_resource(realm: Realm) -> bytes:
    data: dict[str, Any] = {
        "resource": names.resource(realm.host),
        "authorization_servers": [realm.issuer],
        "scopes_supported": list(SCOPES[:-1]),
        "resource_name": f"Homeport {realm.environment}",
    }
    return ProtectedResourceMetadata.model_validate(data).model_dump_json(exclude_none=True).encode()


def _authorization_server(realm: Realm) -> bytes:
    data: dict[str, Any] = {
        "issuer": realm.issuer,
        "authorization_endpoint": f"{realm.issuer}{names.AUTHORIZE}",
        "token_endpoint": f"{realm.issuer}{names.TOKEN}",
        "registration_endpoint": f"{realm.issuer}{names.REGISTER}",
        "revocation_endpoint": f"{realm.issuer}{names.REVOKE}",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": realm.fetch is not None,
    }
    return OAuthMetadata.model_validate(data).model_dump_json(exclude_none=True).encode()
