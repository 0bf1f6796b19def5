"""The document of the JSON API."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from homeport.operations.catalogue import CATALOGUE
from homeport.transports.openapi import document

DOCUMENT: dict[str, Any] = document(CATALOGUE.values(), "1.2.3")
OPERATIONS = [
    (path, method, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]


def test_it_is_of_openapi_3_1_and_of_this_version() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert DOCUMENT["info"]["version"] == "1.2.3"
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT


def test_every_operation_has_an_id_of_its_own() -> None:
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert sorted(ids) == sorted([*CATALOGUE, "health"])


def test_every_reference_leads_somewhere() -> None:
    for reference in _references(DOCUMENT):
        node: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_every_argument_in_a_path_is_a_required_parameter_and_no_other_is() -> None:
    for path, _, operation in OPERATIONS:
        declared = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        assert declared == {part.strip("{}") for part in path.split("/") if part.startswith("{")}
        assert all(one["required"] for one in operation.get("parameters", []) if one["in"] == "path")


def test_every_argument_stands_in_one_place() -> None:
    for path, method, operation in OPERATIONS:
        if path == "/health":
            continue
        named = [one["name"] for one in operation.get("parameters", []) if one["in"] != "header"]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        named += body.get("properties", {})
        fields = CATALOGUE[operation["operationId"]].arguments.model_fields
        assert sorted(named) == sorted(field.alias or name for name, field in fields.items())
        assert bool(body) == (method in {"post", "patch"})


def test_every_operation_says_how_it_fails() -> None:
    for path, _, operation in OPERATIONS:
        if path != "/health":
            assert {"200", "400", "404", "409", "413", "500", "503"} <= set(operation["responses"])


def test_every_schema_is_a_schema() -> None:
    for _, _, operation in OPERATIONS:
        for parameter in operation.get("parameters", []):
            Draft202012Validator.check_schema(parameter["schema"])
        for part in (operation.get("requestBody"), operation["responses"]["200"]):
            if part:
                Draft202012Validator.check_schema(part["content"]["application/json"]["schema"])


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [reference for item in node for reference in _references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if "$ref" in node else []
    return own + [reference for item in node.values() for reference in _references(item)]
