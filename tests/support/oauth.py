"""A person with a browser and a client of theirs, in front of a server as behind a proxy that has TLS."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx2

from homeport.coordination.store import Store
from homeport.storage.memory import MemoryStore
from tests.support.desk import START
from tests.support.listening import Listening, listening

HOST: Final = "agents.example.org"
BASE: Final = f"https://{HOST}"
MCP: Final = f"{BASE}/mcp"
CALLBACK: Final = "https://client.example/callback"
HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


class Proxy(httpx2.AsyncBaseTransport):
    """Takes https for any host, and asks the server on its port, with the Host that was asked for."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._inner = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._port)
        passed = httpx2.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions
        )
        return await self._inner.handle_async_request(passed)

    async def aclose(self) -> None:
        await self._inner.aclose()


def browser(port: int) -> httpx2.AsyncClient:
    """Something that keeps cookies and follows nothing by itself."""
    return httpx2.AsyncClient(transport=Proxy(port), base_url=BASE, follow_redirects=False)


@dataclass
class Flow:
    """A client and its person, who go through the whole thing by hand."""

    http: httpx2.AsyncClient
    client_id: str = ""
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        """Of the verifier, S256."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")

    async def register(self, *uris: str, **metadata: Any) -> httpx2.Response:
        """Registers, and keeps the id where that worked."""
        body = {"client_name": "Test client", "redirect_uris": list(uris or (CALLBACK,)), **metadata}
        response = await self.http.post("/register", json=body)
        if response.status_code == 201:
            self.client_id = response.json()["client_id"]
        return response

    def asked(self, **changes: str | None) -> dict[str, str]:
        """The parameters of /authorize; None leaves one out."""
        usual: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            "state": "a state & more",
            "resource": MCP,
            **changes,
        }
        return {name: value for name, value in usual.items() if value is not None}

    async def page(self, **changes: str | None) -> httpx2.Response:
        """Opens /authorize."""
        return await self.http.get("/authorize", params=self.asked(**changes))

    async def sign_in(self, page: httpx2.Response, token: str, decision: str = "go") -> httpx2.Response:
        """Fills in the first form."""
        return await self._submit(page, {"token": token, "decision": decision})

    async def decide(self, page: httpx2.Response, decision: str = "allow") -> httpx2.Response:
        """Presses a button of the second."""
        return await self._submit(page, {"decision": decision})

    async def code(self, token: str, **changes: str | None) -> str:
        """A code, for a person who allows it."""
        answer = await self.decide(await self.sign_in(await self.page(**changes), token))
        assert answer.status_code == 303, answer.text
        return answer_of(answer)["code"]

    async def token(self, code: str, **changes: str | None) -> httpx2.Response:
        """Shows a code."""
        usual: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
            "resource": MCP,
            **changes,
        }
        return await self.http.post("/token", data={name: value for name, value in usual.items() if value is not None})

    async def refresh(self, refresh_token: str, **changes: str) -> httpx2.Response:
        """Shows a refresh token."""
        usual = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": self.client_id}
        return await self.http.post("/token", data={**usual, **changes})

    async def pair(self, token: str, **changes: str | None) -> dict[str, Any]:
        """Access and refresh, in the name of a token."""
        response = await self.token(await self.code(token, **changes))
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def status(self, access: str) -> int:
        """How a call with an access token is answered."""
        headers = {"authorization": f"Bearer {access}"}
        return (await self.http.get("/api/v1/status", headers=headers)).status_code

    async def _submit(self, page: httpx2.Response, given: dict[str, str]) -> httpx2.Response:
        action = re.search(r'action="([^"]*)"', page.text)
        assert action, page.text
        hidden = {name: unescape(value) for name, value in HIDDEN.findall(page.text)}
        headers = {"origin": BASE}
        return await self.http.post(unescape(action[1]), data={**hidden, **given}, headers=headers)


def answer_of(response: httpx2.Response) -> dict[str, str]:
    """What a client is told at its redirect URI."""
    location = response.headers["location"]
    assert location.startswith(f"{CALLBACK}?")
    return dict(parse_qsl(urlsplit(location).query))


@dataclass
class Scene:
    """A server with OAuth, a person who has a token, and a client that is registered."""

    server: Listening
    store: Store
    flow: Flow
    now: int = START

    async def other(self) -> Flow:
        """Another client, of the same person."""
        flow = Flow(self.flow.http)
        await flow.register(CALLBACK)
        return flow


@asynccontextmanager
async def staged(store: Store | None = None, **settings: Any) -> AsyncIterator[Scene]:
    """A server whose clock the test moves, and a client that has registered there."""
    store = store or MemoryStore()
    scene: Scene
    clock = {"clock": lambda: scene.now, "monotonic": lambda: scene.now / 1000}
    oauth = listening(store, auth="tokens", oauth_host=HOST, **clock, **settings)
    async with oauth as server, browser(server.port) as http:
        scene = Scene(server, store, Flow(http))
        await scene.flow.register()
        yield scene
