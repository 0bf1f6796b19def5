"""The SDK's handlers on our records."""

from __future__ import annotations

import secrets
from typing import Any, Final

from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    OAuthAuthorizationServerProvider,
    RefreshToken,
    RegistrationError,
    TokenError,
)
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import AnyUrl

from homeport.coordination import oauth, tokens
from homeport.coordination.oauth import ACCESS_LASTS, Client, Kind
from homeport.coordination.tokens import SCOPES
from homeport.errors import ConflictError
from homeport.transports.oauth import redirects
from homeport.transports.oauth.realm import Realm, shown_name

_NEVER: Final = float("inf")
"""What expired is not handed to the SDK at all: it would ask another clock."""
_UNKNOWN: Final = "it is not known, was used, or has expired"


class Provider(OAuthAuthorizationServerProvider[AuthorizationCode, RefreshToken, AccessToken]):
    """What the SDK's handlers of ``/token`` and ``/register`` ask. ``/authorize`` is ours (``consent``)."""

    def __init__(self, realm: Realm) -> None:
        self._realm = realm

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        found = await self._realm.known(client_id)
        return None if found is None else _information(found)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        uris = [str(uri) for uri in client_info.redirect_uris or ()]
        if not 0 < len(uris) <= redirects.MAX_URIS or not all(redirects.is_sound(uri) for uri in uris):
            raise RegistrationError("invalid_redirect_uri", "https, or http to localhost; no fragment, no user")
        now = self._realm.clock()
        client = Client(client_info.client_id, shown_name(client_info.client_name), tuple(uris), now)
        try:
            await self._realm.store.write(lambda records: oauth.register(records, client, now))
        except ConflictError as error:
            raise RegistrationError("invalid_client_metadata", str(error)) from None
        # What is registered is answered: a public client, whatever it asked for. There is no secret to keep.
        client_info.token_endpoint_auth_method = "none"  # noqa: S105 - the name of a method
        client_info.client_secret = client_info.client_secret_expires_at = None
        client_info.grant_types = ["authorization_code", "refresh_token"]
        client_info.response_types = ["code"]

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        raise NotImplementedError

    async def load_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: str
    ) -> AuthorizationCode | None:
        found = await self._shown("code", authorization_code, client.client_id)
        if found is None:
            return None
        return AuthorizationCode(
            code=authorization_code,
            scopes=oauth.words(found.scope),
            expires_at=_NEVER,
            client_id=found.client_id,
            code_challenge=str(found.data["challenge"]),
            redirect_uri=AnyUrl(str(found.data["redirect_uri"])),
            redirect_uri_provided_explicitly=True,
        )

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: AuthorizationCode
    ) -> OAuthToken:
        return await self._exchanged("code", authorization_code.code, client.client_id, authorization_code.scopes)

    async def load_refresh_token(self, client: OAuthClientInformationFull, refresh_token: str) -> RefreshToken | None:
        found = await self._shown("refresh", refresh_token, client.client_id)
        if found is None:
            return None
        return RefreshToken(token=refresh_token, client_id=found.client_id, scopes=oauth.words(found.scope))

    async def exchange_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: RefreshToken, scopes: list[str]
    ) -> OAuthToken:
        return await self._exchanged("refresh", refresh_token.token, client.client_id, scopes)

    async def load_access_token(self, token: str) -> AccessToken | None:
        raise NotImplementedError

    async def revoke_token(self, token: Any) -> None:  # noqa: ANN401 - of either kind
        raise NotImplementedError

    async def _shown(self, kind: Kind, text: str, client_id: str) -> oauth.Credential | None:
        now = self._realm.clock()
        return await self._realm.store.write(lambda records: oauth.shown(records, kind, text, client_id, now))

    async def _exchanged(self, kind: Kind, text: str, client_id: str, scopes: list[str]) -> OAuthToken:
        now, random = self._realm.clock(), secrets.token_bytes(2 * tokens.RANDOM_BYTES)
        scope, environment = oauth.highest(scopes) or SCOPES[0], self._realm.environment
        pair = await self._realm.store.write(
            lambda records: oauth.exchange(records, kind, text, client_id, scope, environment, random, now)
        )
        if pair is None:
            raise TokenError("invalid_grant", _UNKNOWN)
        return OAuthToken(
            access_token=pair.access.reveal(),
            expires_in=ACCESS_LASTS // 1000,
            scope=" ".join(oauth.words(pair.scope)),
            refresh_token=pair.refresh.reveal(),
        )


def _information(client: Client) -> OAuthClientInformationFull:
    data = {
        "client_id": client.id,
        "client_name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "token_endpoint_auth_method": "none",
    }
    return OAuthClientInformationFull.model_validate(data)
