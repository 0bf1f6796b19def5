"""Forms in the bodies of requests."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from homeport.transports.exchange import BodyRefusedError, Exchange

MAX_BODY: Final = 1 << 16
_FORM: Final = b"application/x-www-form-urlencoded"


class FormError(Exception):
    """A form that is no form."""


def pairs_of(text: str) -> dict[str, str]:
    """The parameters of a query or a form.

    Raises:
        FormError: it cannot be read, or says something twice.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=50)
    except ValueError:
        raise FormError("it cannot be read as a form") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise FormError("a parameter is there twice")
    return found


async def body_of(exchange: Exchange, most: int = MAX_BODY) -> bytes:
    """The body of a request.

    Raises:
        BodyRefusedError: it is too large for what is sent here.
    """
    body = await exchange.body()
    if len(body) > most:
        raise BodyRefusedError(413, f"The body is over {most} bytes.")
    return body


async def form_of(exchange: Exchange, most: int = MAX_BODY) -> tuple[bytes, dict[str, str]]:
    """The body of a request, and the form in it.

    Raises:
        FormError: it is none, or says something twice.
        BodyRefusedError: it is too large.
    """
    body = await body_of(exchange, most)
    if exchange.headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != _FORM:
        raise FormError("the body must be application/x-www-form-urlencoded")
    try:
        return body, pairs_of(body.decode())
    except UnicodeDecodeError:
        raise FormError("the body is not UTF-8") from None
