"""What a refused call says: what is wrong, where, and what would be right there."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from homeport.errors import InvalidError
from homeport.operations.catalogue import CATALOGUE
from homeport.operations.refusals import refusal


def refused(name: str, arguments: dict[str, Any]) -> InvalidError:
    operation = CATALOGUE[name]
    with pytest.raises(ValidationError) as raised:
        operation.arguments.model_validate(arguments)
    return refusal(operation, raised.value)


def test_an_argument_on_the_wrong_level_is_sent_to_the_right_one() -> None:
    error = refused("update_task", {"id": "t", "status": "completed"})
    assert error.sentence == "updates: it is missing; status: unknown argument (it goes into updates)."
    assert "update_task takes id*, updates*," in error.hint
    assert "updates takes title, description, status," in error.hint


def test_a_fault_further_inside_is_told_with_what_is_taken_there() -> None:
    error = refused("update_project", {"id": "p", "updates": {"members": ["ada"]}})
    assert error.sentence == "updates.members: unknown argument (Did you mean add_members or remove_members?)."
    assert error.hint.startswith("updates takes name,")


@pytest.mark.parametrize("lessons", [["said"], [{"content": "said"}], "said"])
def test_what_each_item_of_a_list_takes_is_told(lessons: object) -> None:
    error = refused("submit_lessons", {"project_id": "p", "instance_id": "ada", "lessons": lessons})
    assert "Each of lessons takes id, type*, content*," in error.hint


def test_the_type_of_a_lesson_is_a_short_text() -> None:
    lesson = {"type": "x" * 101, "content": "said"}
    error = refused("submit_lessons", {"project_id": "p", "instance_id": "ada", "lessons": [lesson]})
    assert error.sentence.startswith("lessons[0].type: string should have at most 100 characters")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("update_task", {"id": "t", "updates": "completed"}),
        ("submit_lessons", {"project_id": "p", "instance_id": "ada", "lessons": ["said"]}),
        ("create_project", {"id": "p", "name": "P", "description": "", "metadata": 5}),
    ],
)
def test_an_object_is_called_an_object(name: str, arguments: dict[str, Any]) -> None:
    sentence = refused(name, arguments).sentence
    assert "input should be an object, not " in sentence
    assert "instance of" not in sentence


def test_of_several_allowed_types_only_the_one_that_was_tried_is_told() -> None:
    error = refused("send_message", {"to": ["bob", 5], "from": "ada", "subject": "", "content": "Hello."})
    assert error.sentence == "to[1]: input should be a valid string, not 5."


def test_the_names_of_types_are_no_part_of_a_path() -> None:
    error = refused("send_message", {"to": 5, "from": "ada", "subject": "", "content": "Hello."})
    assert error.details["problems"] == [
        "to: input should be a valid string, not 5",
        "to: input should be a valid list, not 5",
    ]
