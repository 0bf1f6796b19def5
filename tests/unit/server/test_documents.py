"""Where a server lets strangers send it for a document, and where not."""

from __future__ import annotations

import httpx2
import pytest

from homeport.server.documents import MAX_BYTES, Documents, is_public

URL = "https://client.example/metadata.json"


def documents(answer: httpx2.Response, asked: list[httpx2.Request], *addresses: str) -> Documents:
    async def resolve(host: str) -> list[str]:
        assert host == "client.example"
        return list(addresses)

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return answer

    return Documents(resolve, httpx2.MockTransport(handle))


async def test_the_address_that_was_judged_is_asked_under_the_name_of_the_host() -> None:
    asked: list[httpx2.Request] = []
    assert await documents(httpx2.Response(200, content=b"{}"), asked, "93.184.215.14").fetch(URL) == b"{}"
    (request,) = asked
    assert str(request.url) == "https://93.184.215.14/metadata.json"
    assert request.headers["host"] == "client.example"
    assert request.extensions["sni_hostname"] == "client.example"


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),  # noqa: S104
        *("::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "not an address"),
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_public(address: str) -> None:
    assert not is_public(address)
    asked: list[httpx2.Request] = []
    for addresses in ((address,), ("93.184.215.14", address), ()):
        with pytest.raises(OSError, match="no name of a public address"):
            await documents(httpx2.Response(200), asked, *addresses).fetch(URL)
    assert not asked


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(404),
        httpx2.Response(302, headers={"location": "https://10.0.0.1/"}),
        httpx2.Response(200, content=b" " * (MAX_BYTES + 1)),
    ],
)
async def test_what_is_no_document_of_a_sound_size_is_not_taken(answer: httpx2.Response) -> None:
    asked: list[httpx2.Request] = []
    with pytest.raises(OSError, match=r"client\.example"):
        await documents(answer, asked, "93.184.215.14").fetch(URL)
    assert len(asked) == 1


@pytest.mark.parametrize("url", ["http://client.example/x", "https://client.example:8443/x"])
async def test_only_https_on_its_own_port_is_asked(url: str) -> None:
    with pytest.raises(OSError, match="only https"):
        await documents(httpx2.Response(200), [], "93.184.215.14").fetch(url)
