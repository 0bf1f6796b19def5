"""A client can ask as whom its token speaks."""

from __future__ import annotations

from homeport.operations.caller import Caller
from tests.support.site import served


async def test_a_bound_token_is_told_whose_it_is() -> None:
    async with served() as site:
        bound = await site.dispatcher.call("get_server_status", {}, Caller("one", "read", "nova", "id"))
        assert bound["speaks_as"] == "nova"
        for caller in (Caller("one", "read", None, "id"), Caller("anybody", "admin")):
            assert "speaks_as" not in await site.dispatcher.call("get_server_status", {}, caller)
