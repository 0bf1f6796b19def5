"""Paths of the JSON API."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homeport.operations.catalogue import CATALOGUE
from homeport.operations.operation import Http
from homeport.transports.routes import Routes

ONE = CATALOGUE["get_task"]


def test_arguments_are_decoded_after_the_path_was_taken_apart() -> None:
    routes = Routes([replace(ONE, http=Http("GET", "/roles/{role}/documents/{name}"))])
    route = routes.find("/roles/a%2Fb/documents/%C3%A9%20x")
    assert route is not None
    assert route.arguments == {"role": "a/b", "name": "é x"}


@pytest.mark.parametrize("path", ["/tasks/", "/tasks/a/b", "/task", "", "/", "//tasks/a"])
def test_a_path_must_fit_as_a_whole(path: str) -> None:
    routes = Routes([replace(ONE, http=Http("GET", "/tasks/x/{id}"))])
    assert routes.find(path) is None


def test_two_operations_cannot_have_one_place() -> None:
    with pytest.raises(ValueError, match="is taken"):
        Routes([ONE, replace(ONE, name="other")])


def test_one_place_cannot_have_two_names() -> None:
    with pytest.raises(ValueError, match="called 'id' elsewhere"):
        Routes([ONE, replace(ONE, http=Http("GET", "/tasks/{task}/claim"))])


def test_the_catalogue_has_a_place_for_each() -> None:
    routes = Routes(CATALOGUE.values())
    for operation in CATALOGUE.values():
        route = routes.find(operation.http.path.replace("{", "").replace("}", ""))
        assert route is not None
        assert route.operations[operation.http.method] is operation
