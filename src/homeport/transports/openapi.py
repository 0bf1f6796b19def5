"""``/openapi.json``: the JSON API described from the catalogue, in OpenAPI 3.1."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from homeport.operations.operation import Mutation, Operation
from homeport.operations.schema import input_schema, output_schema
from homeport.transports.exchange import Exchange

API_VERSION: Final = "1"
_IN_PATH: Final = re.compile(r"\{(\w+)\}")
_ERRORS: Final = {
    "400": "Invalid arguments; the message says what would be right.",
    "401": "No token, where one is needed, or one that is no good; the message says why.",
    "404": "What was named does not exist.",
    "408": "The body did not arrive in time.",
    "409": "The present state forbids it.",
    "413": "A text, a list or the body is over its limit.",
    "421": "The Host is not this server's.",
    "403": "The token does not allow it, or the Origin may not call this server.",
    "429": "Over the rate limit; Retry-After says when to come again.",
    "500": "Internal error; the server's log has it under the request id.",
    "503": "The store cannot do it now; nothing was stored.",
}
_ERROR_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["error", "request_id"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "hint": {"type": "string"},
                "details": {"type": "object"},
            },
        },
        "request_id": {"type": "string"},
    },
}
_HEALTH_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["status", "environment", "version", "reasons"],
    "properties": {
        "status": {"type": "string", "enum": ["healthy", "unhealthy"]},
        "environment": {"type": "string"},
        "version": {"type": "string"},
        "release": {"type": ["string", "null"]},
        "schema_version": {"type": "string"},
        "data_directory": {"type": "string"},
        "identity": {"type": "string"},
        "last_backup": {"type": ["string", "null"]},
        "last_drill": {"type": ["string", "null"]},
        "backups": {
            "type": "object",
            "required": ["state"],
            "properties": {
                "state": {"type": "string", "enum": ["proven", "never proven", "unknown"]},
                "backup_age_seconds": {"type": ["number", "null"]},
                "drill_age_seconds": {"type": ["number", "null"]},
                "problem": {"type": ["string", "null"]},
            },
        },
        "origin": {
            "type": ["object", "null"],
            "properties": {"environment": {"type": "string"}, "at": {"type": "string"}},
        },
        "rehearsal": {"type": "boolean"},
        "standby": {"type": "boolean"},
        "uptime_seconds": {"type": "number"},
        "reasons": {"type": "array", "items": {"type": "string"}},
    },
}


class OpenApiEndpoint:
    """Answers with the document, which is made once, and not while a server starts: its schemas take a while."""

    def __init__(self, catalogue: Mapping[str, Operation], version: str) -> None:
        self._catalogue = catalogue
        self._version = version
        self._making: asyncio.Task[bytes] | None = None

    def load(self) -> asyncio.Task[bytes]:
        """Begins to make it, once; to be called in the event loop."""
        if self._making is None:
            self._making = asyncio.create_task(asyncio.to_thread(self._make))
        return self._making

    async def __call__(self, exchange: Exchange) -> None:
        await exchange.respond(200, await asyncio.shield(self.load()))

    def _make(self) -> bytes:
        return orjson.dumps(document(self._catalogue.values(), self._version))


def document(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    """The whole document.

    Args:
        operations: of the catalogue.
        version: of the server.
    """
    paths: dict[str, dict[str, Any]] = {"/health": {"get": _health()}}
    for operation in operations:
        path = f"/api/v{API_VERSION}{operation.http.path}"
        paths.setdefault(path, {})[operation.http.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Homeport",
            "version": version,
            "description": "Instances, projects, tasks, messages and lessons of a team of agents."
            " The same operations as the MCP tools, under the same names.",
        },
        # Either will do in an open environment.
        "security": [{"token": []}, {}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "homeport token create ENV makes one."}
            },
            "schemas": {"Error": _ERROR_SCHEMA, "Health": _HEALTH_SCHEMA},
            "responses": {
                f"Error{status}": {"description": text, "content": _json({"$ref": "#/components/schemas/Error"})}
                for status, text in _ERRORS.items()
            },
        },
    }


def _described(operation: Operation) -> dict[str, Any]:
    schema = input_schema(operation.arguments)
    in_path = _IN_PATH.findall(operation.http.path)
    others = {name: value for name, value in schema["properties"].items() if name not in in_path}
    required = set(schema.get("required", ()))
    parameters = [_parameter(name, "path", schema["properties"][name], required=True) for name in in_path]
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.http.path.split("/")[1]],
    }
    if operation.http.method in ("POST", "PATCH"):
        body = {"type": "object", "properties": others, "additionalProperties": False}
        needed = [name for name in others if name in required]
        described["requestBody"] = {
            "required": bool(needed),
            "content": _json({**body, "required": needed} if needed else body),
        }
    else:
        parameters += [_parameter(name, "query", value, required=name in required) for name, value in others.items()]
    if issubclass(operation.arguments, Mutation):
        key = {"type": "string", "description": "Repeat a call safely: same key, same answer."}
        parameters.append(_parameter("Idempotency-Key", "header", key, required=False))
    if parameters:
        described["parameters"] = parameters
    answered = {"description": "Done.", "content": _json(output_schema(operation))}
    described["responses"] = {"200": answered, **_errors()}
    return described


def _parameter(name: str, place: str, schema: Mapping[str, Any], *, required: bool) -> dict[str, Any]:
    parameter: dict[str, Any] = {"name": name, "in": place, "required": required, "schema": dict(schema)}
    if "description" in schema:
        parameter["description"] = parameter["schema"].pop("description")
    return parameter


def _errors() -> dict[str, Any]:
    return {status: {"$ref": f"#/components/responses/Error{status}"} for status in _ERRORS}


def _health() -> dict[str, Any]:
    answer = _json({"$ref": "#/components/schemas/Health"})
    return {
        "operationId": "health",
        "summary": "Whether this server can do its work: proves a write and a read.",
        "tags": ["health"],
        "security": [],
        "responses": {
            "200": {"description": "Healthy.", "content": answer},
            "503": {"description": "Unhealthy; reasons says why.", "content": answer},
        },
    }


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
