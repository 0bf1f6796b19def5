"""The picture of what waits for what."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from homeport.transports.pages.drawing import HEIGHT, WIDTH, drawn


def test_what_waits_stands_to_the_right_of_what_it_waits_for() -> None:
    picture = drawn({"roof": ["walls"], "walls": ["ground"], "ground": [], "party": ["roof", "ground"]})
    at = {box.name: box.x for box in picture.boxes}
    assert at["ground"] < at["walls"] < at["roof"] < at["party"]
    assert {(line.before, line.after) for line in picture.lines} == {
        ("ground", "walls"),
        ("walls", "roof"),
        ("roof", "party"),
        ("ground", "party"),
    }


def test_lines_that_need_not_cross_do_not() -> None:
    picture = drawn({"a": [], "b": [], "c": ["b"], "d": ["a"]})
    at = {box.name: box.y for box in picture.boxes}
    assert (at["a"] < at["b"]) == (at["d"] < at["c"])


def test_a_circle_is_drawn_without_the_line_that_closes_it() -> None:
    picture = drawn({"a": ["b"], "b": ["a"], "c": ["c"]})
    assert {box.name for box in picture.boxes} == {"a", "b", "c"}
    assert len(picture.lines) == 1


def test_nothing_is_a_picture_too() -> None:
    picture = drawn({})
    assert (picture.boxes, picture.lines) == ((), ())


@given(st.dictionaries(st.integers(0, 30), st.lists(st.integers(0, 35), max_size=4), max_size=25))
def test_no_two_tasks_are_drawn_over_each_other_and_all_are_on_the_sheet(numbers: dict[int, list[int]]) -> None:
    picture = drawn({str(name): list(map(str, before)) for name, before in numbers.items()})
    assert {box.name for box in picture.boxes} == set(map(str, numbers))
    for box in picture.boxes:
        assert 0 <= box.x <= picture.width - WIDTH
        assert 0 <= box.y <= picture.height - HEIGHT
        for other in picture.boxes:
            apart = abs(box.x - other.x) >= WIDTH or abs(box.y - other.y) >= HEIGHT
            assert apart or other is box
    at = {box.name: box.x for box in picture.boxes}
    assert all(at[line.before] < at[line.after] for line in picture.lines)
