"""OAuth, and its absence, through a real nginx with TLS, as docs/oauth.md sets it up."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from homeport.outbound.endpoint import Endpoint
from homeport.outbound.probe import TrialError
from homeport.outbound.sign_in import sign_in_over
from tests.support.credentials import bearer, issued
from tests.support.listening import Listening, listening
from tests.support.nginx import Nginx, nginx
from tests.support.oauth import BASE, HOST, MCP, Flow
from tests.support.site import modern, read, tool_call

pytestmark = [pytest.mark.needs_nginx, pytest.mark.slow]

PLAIN: str = "coordination.example.org"
GUIDE = (Path(__file__).parents[2] / "docs" / "oauth.md").read_text(encoding="utf-8")
HERE = ("127.0.0.0/8", "::1")
WELL_KNOWN = (
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/mcp",
    "/.well-known/openid-configuration",
)


def location_of_the_guide(port: int, host: str) -> str:
    """The location block that docs/oauth.md tells people to write, for this port and host."""
    found = re.search(r"^ +location / \{.*?^ +\}", GUIDE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[0].replace("127.0.0.1:3444", f"127.0.0.1:{port}").replace(HOST, host)


class Resolved(httpx2.AsyncBaseTransport):
    """Goes to nginx for any host, with the certificate of that host checked."""

    def __init__(self, proxy: Nginx, address: str = "127.0.0.1") -> None:
        self._proxy = proxy
        self._address = address
        self._inner = httpx2.AsyncHTTPTransport(verify=proxy.trusting())

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url.copy_with(host=self._address, port=self._proxy.port)
        extensions = {**request.extensions, "sni_hostname": request.url.host}
        passed = httpx2.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=extensions
        )
        return await self._inner.handle_async_request(passed)

    async def aclose(self) -> None:
        await self._inner.aclose()


@contextmanager
def proxied(server: Listening, host: str, directory: Path) -> Iterator[Nginx]:
    with nginx(directory, (host,), location_of_the_guide(server.port, host)) as proxy:
        yield proxy


@asynccontextmanager
async def behind(host: str, directory: Path, **settings: Any) -> AsyncIterator[tuple[Listening, httpx2.AsyncClient]]:
    async with listening(auth="tokens", proxies=HERE, **settings) as server:
        with proxied(server, host, directory) as proxy:
            async with httpx2.AsyncClient(timeout=60, transport=Resolved(proxy), base_url=f"https://{host}") as http:
                yield server, http


async def test_a_client_is_let_in_calls_refreshes_and_leaves(tmp_path: Path) -> None:
    async with behind(HOST, tmp_path, oauth_host=HOST) as (server, http):
        refused = await http.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"})
        assert refused.status_code == 401
        found = re.search(r'resource_metadata="([^"]+)"', refused.headers["www-authenticate"])
        assert found is not None
        protected = (await http.get(found[1])).json()
        assert protected["resource"] == MCP
        metadata = (await http.get(f"{protected['authorization_servers'][0]}{WELL_KNOWN[2]}")).json()
        assert metadata["issuer"] == BASE

        flow = Flow(http)
        assert (await flow.register()).status_code == 201
        _, text = await issued(server.served.dispatcher.store, scope="write", instance_id="nova")
        page = await flow.page()
        cookie = page.headers["set-cookie"]
        assert cookie.startswith("__Host-")
        assert "Secure" in cookie
        pair = await flow.pair(text)

        sent = {"to": "all", "subject": "S", "content": "c"}
        body, headers = tool_call("2026-07-28", "send_message", sent)
        answer = await http.post("/mcp", json=body, headers={**headers, **bearer(pair["access_token"])})
        assert read(answer)["result"]["structuredContent"]["message"]["from"] == "nova"
        body, headers = modern("tools/list")
        listed = await http.post("/mcp", json=body, headers={**headers, **bearer(pair["access_token"])})
        assert len(read(listed)["result"]["tools"]) > 20

        renewed = (await flow.refresh(pair["refresh_token"])).json()
        assert renewed["access_token"] != pair["access_token"]
        assert await flow.status(renewed["access_token"]) == 200
        given = {"token": renewed["refresh_token"], "client_id": flow.client_id}
        assert (await http.post("/revoke", data=given)).status_code == 200
        assert await flow.status(renewed["access_token"]) == 401
        assert text not in "".join(server.served.lines)
        assert pair["access_token"] not in (tmp_path / "error.log").read_text()


async def test_where_tokens_are_static_oauth_is_a_clean_404(tmp_path: Path) -> None:
    async with behind(PLAIN, tmp_path, oauth_host=HOST, hosts=[PLAIN]) as (server, http):
        _, text = await issued(server.served.dispatcher.store)
        for path in WELL_KNOWN:
            for headers in ({}, bearer(text)):
                answer = await http.get(path, headers=headers)
                assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), path
                assert "www-authenticate" not in answer.headers
        for path in ("/authorize", "/token", "/register", "/revoke"):
            assert (await http.post(path, json={})).status_code == 404
        refused = await http.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"})
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        body, headers = tool_call("2026-07-28", "get_server_status", {})
        answer = await http.post("/mcp", json=body, headers={**headers, **bearer(text)})
        assert read(answer)["result"]["structuredContent"]["environment"] == "development"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_nginx_says_from_where_a_client_came_whatever_that_client_says(address: str, tmp_path: Path) -> None:
    async with listening(auth="tokens", proxies=("127.0.0.1",), hosts=[PLAIN]) as server:
        with proxied(server, PLAIN, tmp_path) as proxy:
            transport = Resolved(proxy, address)
            forged = {"x-forwarded-for": "203.0.113.1", "x-real-ip": "203.0.113.1", "x-forwarded-proto": "gopher"}
            async with httpx2.AsyncClient(timeout=60, transport=transport, base_url=f"https://{PLAIN}") as http:
                assert (await http.get("/api/v1/status", headers=forged)).status_code == 401
        [refused] = [line for line in server.served.logged() if line["event"] == "caller refused"]
        assert refused["client"] == address


async def test_connect_goes_the_way_of_a_client_up_to_the_page_for_a_person(tmp_path: Path) -> None:
    async with behind(HOST, tmp_path, oauth_host=HOST) as (server, http):
        environment = server.served.site.environment
        found = await sign_in_over(http, Endpoint(url=MCP, environment=environment))
        assert (found.environment, found.authorize) == (environment, f"{BASE}/authorize")
        assert "registration" in found.registers
        with pytest.raises(TrialError, match=f"What answers at {MCP} is {environment}"):
            await sign_in_over(http, Endpoint(url=MCP, environment="another"))


async def test_connect_says_that_a_host_with_tokens_is_none_to_sign_in_at(tmp_path: Path) -> None:
    async with behind(PLAIN, tmp_path, hosts=[PLAIN]) as (_, http):
        with pytest.raises(TrialError, match="answers 401 and does not say where to sign in"):
            await sign_in_over(http, Endpoint(url=f"https://{PLAIN}/mcp"))
