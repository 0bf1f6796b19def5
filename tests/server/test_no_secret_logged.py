"""A token that is sent where none belongs stands in no line of the log, in either form."""

from __future__ import annotations

from typing import Any

import pytest

from homeport.storage.memory import MemoryStore
from homeport.transports.log import Log
from tests.support.credentials import bearer, issued
from tests.support.site import served


@pytest.mark.parametrize("auth", ["open", "tokens"])
async def test_a_token_in_any_part_of_a_request_is_not_logged(auth: str) -> None:
    store = MemoryStore()
    async with served(store, auth=auth) as site:
        _, text = await issued(store)
        _, other = await issued(MemoryStore())
        for headers in (bearer(text), bearer(other), bearer(text[:-1]), {"authorization": f"Basic {text}"}):
            odd: dict[str, Any] = {
                "x-request-id": text,
                "user-agent": text,
                "idempotency-key": text,
                "mcp-session-id": text,
                "mcp-protocol-version": text,
                "last-event-id": text,
                "x-forwarded-for": text,
            }
            for given in (headers, *({**headers, name: value} for name, value in odd.items())):
                await site.post({"jsonrpc": "2.0", "id": text, "method": text, "params": {"name": text}}, given)
                await site.post(f'{{"not": json {text}'.encode(), given)
                await site.http.get("/api/v1/broken", headers=given)
                await site.http.get(f"/api/v1/tasks/{text}", headers=given)
                await site.http.get("/api/v1/tasks", params={"cursor": text, text: "1"}, headers=given)
        await site.http.get("/health", headers={"host": text})
        await site.http.get("/health", headers={"origin": f"https://{text}"})
        lines = str(site.logged())
    assert "traceback" in lines
    secret = text.rpartition("_")[2][:-8]  # one that was cut short hides as well
    assert secret not in lines
    assert other.rpartition("_")[2] not in lines


@pytest.mark.parametrize("form", ["json", "text"])
async def test_a_token_in_what_failed_inside_is_not_logged_with_its_traceback(form: Any) -> None:
    _, text = await issued(MemoryStore())
    lines: list[str] = []
    log = Log("development", form, write=lines.append)
    log.failure("request failed", RuntimeError(f"could not use {text}"), path=f"/x/{text}")
    assert "could not use" in "".join(lines)
    assert text.rpartition("_")[2] not in "".join(lines)
