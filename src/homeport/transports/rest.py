"""``/api/v1``: every operation of the catalogue as plain HTTP and JSON."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from homeport.errors import CallError, InvalidError, UnauthorizedError, UnavailableError
from homeport.operations.dispatcher import Dispatcher
from homeport.operations.operation import Mutation, Operation
from homeport.operations.schema import input_schema
from homeport.transports import jsonrpc
from homeport.transports.calls import carry_out
from homeport.transports.coercion import typed
from homeport.transports.exchange import Exchange
from homeport.transports.routes import Routes

PREFIX: Final = "/api/v1"
IDEMPOTENCY_HEADER: Final = b"idempotency-key"
_WITH_BODY: Final = ("POST", "PATCH")
_NO_STORE: Final = ((b"cache-control", b"no-store"),)


class RestEndpoint:
    """Answers requests below :data:`PREFIX`.

    Args:
        dispatcher: runs the operations.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._routes = Routes(dispatcher.catalogue.values())

    async def __call__(self, exchange: Exchange) -> None:
        raw: bytes = exchange.scope.get("raw_path") or exchange.path.encode()
        route = self._routes.find(raw.decode("latin-1").removeprefix(PREFIX))
        if route is None:
            hint = "GET /openapi.json lists every path."
            error: dict[str, object] = {"code": "not_found", "message": f"There is no {exchange.path}.", "hint": hint}
            await exchange.problem(404, error)
            return
        operation = route.operations.get("GET" if exchange.method == "HEAD" else exchange.method)
        if operation is None:
            allowed = ", ".join(sorted(route.operations))
            error = {"code": "method", "message": f"{exchange.path} takes {allowed}, not {exchange.method}."}
            await exchange.problem(405, error, [(b"allow", allowed.encode())])
            return
        try:
            arguments = await _arguments(exchange, operation, route.arguments)
            answer = await carry_out(self._dispatcher, exchange, operation.name, arguments)
        except UnauthorizedError:
            raise
        except CallError as error:
            headers = [(b"retry-after", b"5")] if isinstance(error, UnavailableError) else []
            await exchange.problem(error.http_status, error.as_json(), headers)
            return
        await exchange.respond(200, orjson.dumps(answer), headers=_NO_STORE)


async def _arguments(exchange: Exchange, operation: Operation, in_path: dict[str, str]) -> dict[str, Any]:
    """The arguments from the path, the query or the body, and the header for repeated calls.

    Raises:
        InvalidError: the body is no JSON object, or an argument is given twice.
    """
    properties = input_schema(operation.arguments)["properties"]
    if operation.http.method in _WITH_BODY:
        given = _object(await exchange.body())
    else:
        query = exchange.scope["query_string"].decode("latin-1")
        try:
            pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
        except UnicodeDecodeError:
            raise InvalidError("The query is not UTF-8.") from None
        given = typed(pairs, properties)
    named = typed(in_path.items(), properties)
    key = exchange.headers.get(IDEMPOTENCY_HEADER)
    if key is not None and issubclass(operation.arguments, Mutation):
        named["idempotency_key"] = key.decode("latin-1").strip()
    for name, value in named.items():
        if given.setdefault(name, value) != value:
            raise InvalidError(f"{name}: given twice, as {value!r} and as {given[name]!r}.", "Leave one of them out.")
    return given


def _object(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        value = jsonrpc.parse(body)
    except jsonrpc.MalformedError as error:
        raise InvalidError(str(error), "Send a JSON object.") from None
    if not isinstance(value, dict):
        raise InvalidError("The body is not a JSON object.", 'Send the arguments as {"name": value}.')
    return value
