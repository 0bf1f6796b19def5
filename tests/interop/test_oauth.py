"""The official Python SDK's client signs in by itself; only the person is played by the test."""

from __future__ import annotations

import httpx2
import mcp
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from homeport.coordination import tokens
from tests.support.credentials import issued
from tests.support.oauth import CALLBACK, MCP, Proxy, Scene, answer_of, staged


class Kept:
    """What the client keeps."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


def provider(scene: Scene, text: str, kept: Kept) -> OAuthClientProvider:
    answers: list[dict[str, str]] = []

    async def open_browser(url: str) -> None:
        page = await scene.flow.http.get(url)
        second = await scene.flow.sign_in(page, text)
        answers.append(answer_of(await scene.flow.decide(second)))

    async def called_back() -> AuthorizationCodeResult:
        return AuthorizationCodeResult.model_validate(answers.pop())

    data = {"client_name": "The SDK", "redirect_uris": [CALLBACK]}
    metadata = OAuthClientMetadata.model_validate(data)
    return OAuthClientProvider(MCP, metadata, kept, open_browser, called_back)


async def test_the_official_client_signs_in_calls_and_refreshes_by_itself() -> None:
    async with staged() as scene:
        token, text = await issued(scene.store, scope="admin", instance_id="nova")
        kept = Kept()
        auth = provider(scene, text, kept)
        async with (
            httpx2.AsyncClient(transport=Proxy(scene.server.port), auth=auth) as http,
            mcp.Client(streamable_http_client(MCP, http_client=http)) as client,
        ):
            sent = await client.call_tool("send_message", {"to": "all", "subject": "S", "content": "c"})
            assert sent.structured_content is not None
            assert sent.structured_content["message"]["from"] == "nova"
            first = kept.tokens
            assert first is not None
            # It asks for what the challenge names, and gets no more though the token may more.
            assert first.scope == "read write"

            auth.context.token_expiry_time = 1.0
            assert not (await client.call_tool("get_server_status", {})).is_error
            assert kept.tokens is not None
            assert kept.tokens.refresh_token != first.refresh_token

            await scene.store.write(lambda records: tokens.revoke(records, token.id, scene.now))
        left = await scene.flow.http.get("/api/v1/status", headers={"authorization": f"Bearer {first.access_token}"})
        assert left.status_code == 401
