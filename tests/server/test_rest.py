"""The JSON API: the catalogue as plain HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.site import Served

API = "/api/v1"


async def test_a_message_goes_its_whole_way(site: Served) -> None:
    for name in ("ada", "bob"):
        await site.post({"instanceId": name, "role": "dev"}, path=f"{API}/instances")
    body = {"to": "bob", "from": "ada", "subject": "hi", "content": "there", "tags": ["a", "b"]}
    sent = (await site.post(body, path=f"{API}/messages")).json()["message"]
    inbox = (await site.http.get(f"{API}/messages?instanceId=bob&unread_only=true&limit=5")).json()
    assert [message["id"] for message in inbox["messages"]] == [sent["id"]]
    whole = (await site.http.get(f"{API}/messages/{sent['id']}")).json()
    assert "there" in str(whole)
    read = await site.post({"reader_id": "bob"}, path=f"{API}/messages/{sent['id']}/read")
    assert read.status_code == 200
    inbox = (await site.http.get(f"{API}/messages?instanceId=bob&unread_only=true")).json()
    assert inbox["messages"] == []


async def test_an_answer_is_the_operations_own_and_is_not_kept_by_caches(site: Served) -> None:
    response = await site.http.get(f"{API}/status")
    assert response.json() == (await site.call(None, "get_server_status"))["result"]["data"]
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("query", ["tags=a&tags=b", "tags=a,b"])
async def test_a_list_is_repeated_or_has_commas(site: Served, query: str) -> None:
    for name, tags in (("one", ["a", "b"]), ("two", ["c"])):
        body = {"id": name, "title": name, "description": "", "tags": tags}
        assert (await site.post(body, path=f"{API}/tasks")).status_code == 200
    tasks = (await site.http.get(f"{API}/tasks?{query}")).json()["tasks"]
    assert [task["id"] for task in tasks] == ["one"]


@pytest.mark.parametrize("query", ["limit=many", "limit=1.5", "limit=0", "limit=1&limit=2", "none=1", "status=gone"])
async def test_a_wrong_query_is_told_what_would_be_right(site: Served, query: str) -> None:
    response = await site.http.get(f"{API}/tasks?{query}")
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "invalid"
    assert query.partition("=")[0] in error["message"]


async def test_an_error_has_its_status_its_code_and_the_requests_id(site: Served) -> None:
    response = await site.http.get(f"{API}/tasks/none")
    assert response.status_code == 404
    answer = response.json()
    assert answer["error"]["code"] == "not_found"
    assert answer["error"]["hint"]
    assert answer["request_id"] == response.headers["x-request-id"]


async def test_a_conflict_and_a_text_too_large_have_their_own_status(site: Served) -> None:
    project = {"id": "p", "name": "P", "description": ""}
    assert (await site.post(project, path=f"{API}/projects")).status_code == 200
    assert (await site.post(project, path=f"{API}/projects")).status_code == 409
    message = {"to": "a", "from": "b", "subject": "s", "content": "x" * 300_000}
    assert (await site.post(message, path=f"{API}/messages")).status_code == 413


async def test_a_repeated_call_with_an_idempotency_key_gets_the_first_answer(site: Served) -> None:
    body = {"to": "bob", "from": "ada", "subject": "once", "content": "only"}
    headers = {"idempotency-key": "k1"}
    first = (await site.post(body, headers, f"{API}/messages")).json()
    second = (await site.post(body, headers, f"{API}/messages")).json()
    assert first == second
    other = await site.post({**body, "subject": "twice"}, headers, f"{API}/messages")
    assert other.status_code == 409
    contradiction = await site.post({**body, "idempotency_key": "k2"}, headers, f"{API}/messages")
    assert contradiction.status_code == 400


async def test_an_id_in_a_path_may_hold_what_a_url_must_encode(site: Served) -> None:
    body = {"instanceId": "Phoenix Fire é", "role": "dev"}
    assert (await site.post(body, path=f"{API}/instances")).status_code == 200
    found = await site.http.get(f"{API}/instances/Phoenix%20Fire%20%C3%A9")
    assert found.json()["instance"]["id"] == "Phoenix Fire é"
    assert (await site.http.get(f"{API}/instances/..%2F..%2Fetc")).status_code in {400, 404}


async def test_a_fixed_part_of_a_path_goes_before_an_argument(site: Served) -> None:
    assert "tasks" in (await site.http.get(f"{API}/tasks/pending")).json()


async def test_a_task_is_changed_by_patch_and_a_project_removed_by_delete(site: Served) -> None:
    await site.post({"id": "p", "name": "P", "description": ""}, path=f"{API}/projects")
    changed = await site.http.patch(f"{API}/projects/p", json={"updates": {"status": "on_hold"}})
    assert changed.json()["project"]["status"] == "on_hold"
    removed = await site.http.delete(f"{API}/projects/p?hard_delete=true")
    assert removed.status_code == 200
    assert (await site.http.get(f"{API}/projects/p")).status_code == 404


async def test_an_argument_in_path_and_body_must_agree(site: Served) -> None:
    response = await site.http.patch(f"{API}/projects/p", json={"id": "q", "updates": {}})
    assert response.status_code == 400
    assert "given twice" in response.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"[]", b"{", b'"x"', b"\xff", b"[" * 100_000])
async def test_a_body_that_is_no_object_is_refused(site: Served, body: bytes) -> None:
    response = await site.post(body, path=f"{API}/messages")
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid"


async def test_an_unknown_path_and_a_wrong_method_are_told_apart(site: Served) -> None:
    assert (await site.http.get(f"{API}/none")).status_code == 404
    assert (await site.http.get(f"{API}/messages/a/b/c")).status_code == 404
    response = await site.http.put(f"{API}/messages")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"


async def test_head_answers_as_get_does_without_a_body(site: Served) -> None:
    response = await site.http.head(f"{API}/status")
    assert response.status_code == 200
    assert int(response.headers["content-length"]) > 0
    assert response.content == b""


async def test_every_operation_can_be_reached_where_the_document_says(site: Served) -> None:
    document: dict[str, Any] = (await site.http.get("/openapi.json")).json()
    for operation in site.dispatcher.catalogue.values():
        described = document["paths"][f"{API}{operation.http.path}"][operation.http.method.lower()]
        assert described["operationId"] == operation.name
        path = operation.http.path.replace("{", "").replace("}", "")
        response = await site.http.request(operation.http.method, f"{API}{path}", json={})
        assert response.status_code != 405
        assert response.json().get("error", {}).get("hint") != "GET /openapi.json lists every path."
