"""Operations as callers meet them: bootstrap, waiting, idempotency, search, lessons, and the catalogue itself."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import pairwise

import pytest
from pydantic import ValidationError

from homeport.errors import ConflictError, InvalidError, NotFoundError
from homeport.operations.catalogue import CATALOGUE
from homeport.operations.operation import Mutation
from homeport.operations.schema import input_schema, output_schema
from tests.support.desk import Desk
from tests.support.waiting import eventually


async def test_bootstrap_says_who_i_am_what_waits_who_is_here_and_what_next(desk: Desk) -> None:
    await desk.join("kai", role="COO")
    await desk.call("create_project", id="p", name="P", description="The project", members=["kai"])
    await desk.call("create_task", id="t", title="Do it", description="", project_id="p")
    await desk.call("send_message", to="project-team:p", from_="kai", subject="Welcome", content="hi")
    told = await desk.call("bootstrap", role="Developer", project="p")
    assert told["identity"]["is_new"]
    assert told["identity"]["projects"] == ["p"]
    assert told["environment"] == "development"
    assert [message["subject"] for message in told["messages"]["newest"]] == ["Welcome"]
    assert [task["id"] for task in told["tasks"]["first"]] == ["t"]
    assert [one["id"] for one in told["team"]] == ["kai"]
    assert any("claim_next_task" in action for action in told["next_actions"])


async def test_one_identity_lasts_across_sessions(desk: Desk) -> None:
    first = await desk.call("bootstrap", role="Developer", personality="calm")
    me = first["identity"]["id"]
    await desk.call("create_task", id="t", title="T", description="")
    await desk.call("claim_task", id="t", instanceId=me)
    desk.later(5)
    again = await desk.call("bootstrap", role="Developer", instanceId=me)
    assert not again["identity"]["is_new"]
    assert again["identity"]["sessions"] == 2
    assert [task["id"] for task in again["tasks"]["yours"]] == ["t"]
    assert (await desk.call("get_instance", instanceId=me))["instance"]["metadata"]["personality"] == "calm"


async def test_who_is_silent_for_fifteen_minutes_is_not_active(desk: Desk) -> None:
    await desk.join("a", "b")
    desk.later(10)
    await desk.call("update_heartbeat", instanceId="b")
    desk.later(6)
    active = await desk.call("get_instances", active_only=True)
    assert [one["id"] for one in active["instances"]] == ["b"]
    everybody = await desk.call("get_instances", role="DEVELOPER")
    assert [(one["id"], one["active"]) for one in everybody["instances"]] == [("a", False), ("b", True)]


async def test_a_retried_call_gets_the_first_answer_and_does_its_work_once(desk: Desk) -> None:
    await desk.join("a")
    first = await desk.call("send_message", to="a", from_="b", subject="S", content="c", idempotency_key="k1")
    desk.later(3)
    again = await desk.call("send_message", to="a", from_="b", subject="S", content="c", idempotency_key="k1")
    assert again == first
    assert len(await desk.inbox("a")) == 1
    with pytest.raises(ConflictError, match="'k1' was used for a send_message with other arguments"):
        await desk.call("send_message", to="a", from_="b", subject="Other", content="c", idempotency_key="k1")


async def test_retries_at_the_same_time_do_the_work_once(desk: Desk) -> None:
    await desk.join("a")
    calls = [
        desk.call("send_message", to="a", from_="b", subject="S", content="c", idempotency_key="k") for _ in range(20)
    ]
    answers = await asyncio.gather(*calls)
    assert len({answer["message"]["id"] for answer in answers}) == 1
    assert len(await desk.inbox("a")) == 1


async def test_a_refused_call_is_not_remembered(desk: Desk) -> None:
    with pytest.raises(NotFoundError):
        await desk.call("create_task", id="t", title="T", description="", project_id="p", idempotency_key="k")
    await desk.call("create_project", id="p", name="P", description="")
    made = await desk.call("create_task", id="t", title="T", description="", project_id="p", idempotency_key="k")
    assert made["task"]["id"] == "t"


async def test_who_waits_is_told_when_a_message_comes(desk: Desk) -> None:
    await desk.join("a")
    waiting = asyncio.create_task(desk.call("wait_for_messages", instanceId="a", timeout_seconds=10.0))
    await eventually(partial(_somebody_waits, desk))
    await desk.call("send_message", to="a", from_="b", subject="Wake up", content="c")
    told = await waiting
    assert [message["subject"] for message in told["messages"]] == ["Wake up"]


async def _somebody_waits(desk: Desk) -> bool:
    return bool(desk.dispatcher.bell._waiting)


async def test_nothing_is_missed_between_two_waits(desk: Desk) -> None:
    await desk.join("a")
    await desk.call("send_message", to="a", from_="b", subject="0", content="c")
    told = await desk.call("wait_for_messages", instanceId="a")
    seen = [message["subject"] for message in told["messages"]]
    for number in range(1, 4):
        await desk.call("send_message", to="a", from_="b", subject=str(number), content="c")
        told = await desk.call("wait_for_messages", instanceId="a", cursor=told["cursor"])
        seen += [message["subject"] for message in told["messages"]]
    nothing = await desk.call("wait_for_messages", instanceId="a", cursor=told["cursor"], timeout_seconds=0)
    assert seen == ["0", "1", "2", "3"]
    assert nothing == {"messages": [], "cursor": told["cursor"]}


async def test_an_old_message_that_reaches_a_latecomer_is_new_to_its_wait(desk: Desk) -> None:
    await desk.join("a")
    await desk.call("create_project", id="p", name="P", description="")
    await desk.call("send_message", to="project-team:p", from_="b", subject="Old", content="c")
    await desk.call("send_message", to="a", from_="b", subject="New", content="c")
    told = await desk.call("wait_for_messages", instanceId="a")
    await desk.call("update_project", id="p", updates={"add_members": ["a"]})
    then = await desk.call("wait_for_messages", instanceId="a", cursor=told["cursor"])
    assert [message["subject"] for message in then["messages"]] == ["Old"]


async def test_search_finds_what_has_all_the_words_newest_first(desk: Desk) -> None:
    await desk.join("a", "b")
    await desk.call("create_project", id="harbour", name="Harbour lights", description="Lamps")
    await desk.call("create_task", id="t", title="Mend the lamps", description="at the harbour")
    await desk.call("send_message", to="a", from_="b", subject="Harbour", content="The lamps are out")
    await desk.call("send_message", to="b", from_="a", subject="Re", content="Harbour lamps: I mend them")
    await desk.call(
        "submit_lessons",
        project_id="harbour",
        instance_id="a",
        lessons=[{"type": "t", "content": "lamps at a harbour"}],
    )
    found = (await desk.call("search", query="harbour LAMPS"))["results"]
    assert [hit["kind"] for hit in found] == ["message", "message", "task", "lesson", "project"]
    assert found[0]["at"] >= found[1]["at"]
    assert (await desk.call("search", query="harbour lam"))["results"]
    assert (await desk.call("search", query="harbour zebra"))["results"] == []


async def test_search_in_ones_own_messages_leaves_out_those_of_others(desk: Desk) -> None:
    await desk.join("a", "b", "c")
    await desk.call("send_message", to="a", from_="b", subject="Secret plan", content="x")
    await desk.call("send_message", to="all", from_="b", subject="Public plan", content="x")
    for reader, expected in (("a", 2), ("b", 2), ("c", 1)):
        found = await desk.call("search", query="plan", kinds=["message"], instanceId=reader)
        assert len(found["results"]) == expected


@pytest.mark.parametrize("query", ['"', "AND OR NOT", "a*b", "x:y", "NEAR(a b)", "(((", "--", "🚀 rocket", "日本語"])
async def test_no_query_is_a_query_language(desk: Desk, query: str) -> None:
    await desk.call("send_message", to="a", from_="b", subject="日本語 and or not near a b", content="x y rocket 🚀")
    try:
        await desk.call("search", query=query)
    except InvalidError as refusal:
        assert "it has no word" in refusal.sentence  # noqa: PT017 - most of these queries are fine


async def test_search_continues_after_a_page(desk: Desk) -> None:
    for number in range(12):
        await desk.call("send_message", to="a", from_="b", subject=f"Plan {number}", content="x")
    first = await desk.call("search", query="plan", kinds=["message"], limit=5)
    second = await desk.call("search", query="plan", kinds=["message"], limit=5, cursor=first["next_cursor"])
    titles = [hit["title"] for hit in first["results"] + second["results"]]
    assert titles == [f"Plan {number}" for number in range(11, 1, -1)]
    with pytest.raises(InvalidError, match="a search of one kind"):
        await desk.call("search", query="plan", cursor=first["next_cursor"])


async def test_lessons_are_stored_found_and_counted(desk: Desk) -> None:
    await desk.call("create_project", id="p", name="P", description="")
    lessons = [
        {"id": "l1", "type": "pattern", "content": "One", "confidence": 0.9, "weight": 1, "source_file": "x.md"},
        {"id": "l2", "type": "pattern", "content": "Two", "confidence": 0.5, "anything": {"else": 1}},
        {"type": "pitfall", "content": "Three"},
    ]
    stored = await desk.call("submit_lessons", project_id="p", instance_id="a", lessons=lessons)
    assert stored["lessons_stored"] == 3
    sure = await desk.call("get_lessons", project_id="p", min_confidence=0.8)
    assert [lesson["content"] for lesson in sure["lessons"]] == ["One"]
    patterns = await desk.call("get_lesson_patterns", project_id="p")
    assert patterns["patterns"][0] == {"project_id": "p", "type": "pattern", "count": 2, "mean_confidence": 0.7}
    whole = (await desk.call("export_lessons", project_id="p"))["lessons"]
    assert {"anything": {"else": 1}}.items() <= next(one for one in whole if one["id"] == "l2").items()
    number = sure["lessons"][0]["number"]
    assert (await desk.call("get_lesson", number=number))["lesson"]["source_file"] == "x.md"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"lessons": []}, "there is none"),
        ({"lessons": [{"type": "t", "content": " "}]}, r"lessons\[0\]\.content: it is empty"),
        ({"lessons": [{"type": "t", "content": "c", "confidence": 1.5}]}, r"lessons\[0\]\.confidence"),
        ({"lessons": [{"content": "c"}]}, r"lessons\[0\]\.type: it is missing"),
        ({"lessons": "many"}, "lessons: input should be a valid list, not 'many'"),
    ],
)
async def test_bad_lessons_are_refused_with_their_place(desk: Desk, arguments: dict[str, object], said: str) -> None:
    await desk.call("create_project", id="p", name="P", description="")
    with pytest.raises(InvalidError, match=said):
        await desk.call("submit_lessons", project_id="p", instance_id="a", **arguments)


async def test_all_that_is_wrong_with_a_call_is_said_at_once(desk: Desk) -> None:
    with pytest.raises(InvalidError) as refusal:
        await desk.call("create_task", id=5, titel="T", priority="urgent")
    sentence = refusal.value.sentence
    for part in ("id: ", "title: it is missing", "description: it is missing", "titel: unknown", "priority: 'urgent'"):
        assert part in sentence
    assert refusal.value.hint.startswith("create_task takes id*, title*, description*, project_id,")


async def test_an_unknown_tool_is_refused_with_near_names(desk: Desk) -> None:
    with pytest.raises(NotFoundError, match="no tool 'claim_tsk'") as refusal:
        await desk.call("claim_tsk")
    assert "claim_task" in refusal.value.hint


async def test_projects_are_archived_or_removed_with_their_tasks(desk: Desk) -> None:
    await desk.join("a")
    await desk.call("create_project", id="p", name="P", description="", members=["a"])
    await desk.call("create_task", id="t", title="T", description="", project_id="p")
    await desk.call("claim_task", id="t", instanceId="a", project_id="p")
    assert (await desk.call("delete_project", id="p"))["project"]["status"] == "archived"
    with pytest.raises(ConflictError, match="a still hold tasks"):
        await desk.call("delete_project", id="p", hard_delete=True)
    await desk.call("update_task", id="p/t", updates={"status": "completed"}, instanceId="a")
    await desk.call("delete_project", id="p", hard_delete=True)
    with pytest.raises(NotFoundError):
        await desk.call("get_project", id="p")


def test_every_mutation_takes_an_idempotency_key() -> None:
    for operation in CATALOGUE.values():
        assert issubclass(operation.arguments, Mutation) == (operation.kind == "write"), operation.name


def test_every_actor_is_an_argument_and_every_wait_can_end() -> None:
    for operation in CATALOGUE.values():
        fields = operation.arguments.model_fields
        assert operation.actor is None or operation.actor in fields
        if operation.kind == "wait":
            assert operation.ready is not None
            assert operation.actor is not None
            assert "timeout_seconds" in fields


def test_places_in_the_api_are_unique_and_name_arguments() -> None:
    places = [(operation.http.method, operation.http.path) for operation in CATALOGUE.values()]
    assert len(set(places)) == len(places)
    for operation in CATALOGUE.values():
        names = {field.alias or name for name, field in operation.arguments.model_fields.items()}
        parts = [part[1:-1] for part in operation.http.path.split("/") if part.startswith("{")]
        assert set(parts) <= names, operation.name


def test_schemas_hold_nothing_that_a_major_client_refuses() -> None:
    def walk(node: object) -> None:
        if isinstance(node, list):
            for item in node:
                walk(item)
        elif isinstance(node, dict):
            assert "$ref" not in node
            assert {"type": "null"} not in node.get("anyOf", [])
            for name, value in node.get("properties", {}).items():
                assert name.isidentifier()
                walk(value)
            for key, value in node.items():
                if key != "properties":
                    walk(value)

    for operation in CATALOGUE.values():
        walk(input_schema(operation.arguments))
        walk(output_schema(operation))


def test_arguments_cannot_be_changed_after_they_were_checked() -> None:
    given = CATALOGUE["get_task"].arguments.model_validate({"id": "t"})
    with pytest.raises(ValidationError):
        given.id = "u"  # type: ignore[attr-defined]


def test_tools_that_agents_need_most_come_first() -> None:
    names = [operation.name for operation in CATALOGUE.values() if operation.listed]
    order = ["bootstrap", "send_message", "get_messages"]
    assert all(names.index(first) < names.index(second) for first, second in pairwise(order))


async def test_who_signed_off_is_not_here(desk: Desk) -> None:
    await desk.join("a", "b")
    await desk.call("deactivate_instance", instanceId="a")
    assert [one["id"] for one in (await desk.call("get_instances", active_only=True))["instances"]] == ["b"]
    assert (await desk.call("get_instance_stats"))["active"] == 1


async def test_nobody_can_be_called_all(desk: Desk) -> None:
    with pytest.raises(InvalidError, match="'All' means everybody"):
        await desk.join("All")
