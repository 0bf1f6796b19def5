"""A directory is read whole or not at all, and what is wrong with it is named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from homeport.errors import InvalidError, UsageError
from homeport.exchange.json_v1.directory import read_directory
from tests.unit.exchange.trees import SAMPLE, instances, manifest, message, messages, task, tasks, written


def refused(root: Path, **options: Any) -> str:
    with pytest.raises(InvalidError) as caught:
        read_directory(root, **options)
    assert "nothing was imported" in caught.value.hint
    return caught.value.sentence


def test_every_file_of_the_sample_is_found() -> None:
    directory = read_directory(SAMPLE)
    there = sorted(file.relative_to(SAMPLE).as_posix() for file in SAMPLE.rglob("*") if file.is_file())
    assert [file.path for file in directory.files] == there
    assert directory.odd == ()


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        ("instances.json", '{"instances": [\n  {"id": "a"},\n]}', "line 3, column 1: not JSON"),
        ("instances.json", "", "line 1, column 1: not JSON"),
        ("instances.json", '"text"', "the whole file: a text where an object must be"),
        ("instances.json", '{"instances":\n {}}', "line 2, column 2: instances: an object where a list must be"),
        ("instances.json", '{"created": 1}', "line 1, column 1: instances: nothing where a list must be"),
        ("instances.json", '{"instances": [\n{"role": "x"}]}', "line 2, column 1: instances[0]: it has no id"),
        ("instances.json", '[{"id": 7}]', "line 1, column 9: [0].id: its id is not a text with something in it"),
        ("instances.json", '{"instances": [{"id": ""}]}', "instances[0].id: its id is not a text"),
        ("instances.json", '{"instances": [{"id": "a", "id": "b"}]}', "column 28: the key 'id' stands twice"),
        ("projects/manifest.json", '{"projects": [1]}', "projects[0]: a number where an object must be"),
        ("projects/p/tasks.json", '{"tasks": [null]}', "tasks[0]: nothing where an object must be"),
        ("messages/inbox/inbox.json", '{"messages": true}', "messages: a truth value where a list must be"),
        (
            "lessons/projects/p.json",
            '{"submissions": [{"id": "s", "lessons": {}}]}',
            "submissions[0].lessons: an object",
        ),
        ("lessons/projects/p.json", '{"submissions": [{"id": "s", "lessons": [1]}]}', "submissions[0].lessons[0]: a"),
        ("lessons/index.json", "[]", "a list where an object must be"),
        ("roles/roles.json", '{"roles": []}', "roles: a list where an object of roles must be"),
    ],
)
def test_a_broken_file_is_named_with_line_column_and_what_is_wrong(
    path: str, text: str, told: str, tmp_path: Path
) -> None:
    written({"projects/manifest.json": manifest(), "instances.json": instances()}, tmp_path)
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(text)
    sentence = refused(tmp_path)
    assert sentence.startswith(f"{tmp_path / path}: line ")
    assert told in sentence


def test_all_broken_files_are_named_at_once(tmp_path: Path) -> None:
    written({"projects/p/tasks.json": {}, "projects/q/tasks.json": {}, "instances.json": instances()}, tmp_path)
    assert "And 1 more broken: " in refused(tmp_path)


@pytest.mark.parametrize("path", ["instances.json", "roles/COO/x.md"])
def test_bytes_that_are_no_utf_8_are_named_with_their_line(path: str, tmp_path: Path) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b'{"instances":\n["caf\xe9"]}')
    assert refused(tmp_path) == f"{file}: line 2, column 6: not UTF-8 text: byte 0xe9."


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "instances.json").write_bytes(b'\xef\xbb\xbf{"instances": []}')
    assert read_directory(tmp_path).files[0].envelope == {"instances": []}


def test_a_file_over_the_limit_is_named(tmp_path: Path) -> None:
    written({"instances.json": instances("a", "b", "c")}, tmp_path)
    assert "over 100 bytes" in refused(tmp_path, max_file=100)


def test_a_link_out_of_the_directory_is_refused(tmp_path: Path) -> None:
    written({"data/instances.json": instances(), "secret/inbox.json": messages(message())}, tmp_path)
    box = tmp_path / "data" / "messages" / "inbox"
    box.mkdir(parents=True)
    (box / "inbox.json").symlink_to(tmp_path / "secret" / "inbox.json")
    assert "leads out of the directory" in refused(tmp_path / "data")


def test_a_directory_that_is_a_link_out_is_refused(tmp_path: Path) -> None:
    written({"data/instances.json": instances(), "elsewhere/inbox/inbox.json": messages(message())}, tmp_path)
    (tmp_path / "data" / "messages").symlink_to(tmp_path / "elsewhere")
    assert "leads out of the directory" in refused(tmp_path / "data")


def test_the_directory_itself_may_be_a_link(tmp_path: Path) -> None:
    written({"data/instances.json": instances("a")}, tmp_path)
    (tmp_path / "current").symlink_to("data")
    assert len(read_directory(tmp_path / "current").files) == 1


def test_what_is_not_of_the_format_is_reported_and_not_lost_in_silence(tmp_path: Path) -> None:
    written({"instances.json": instances(), "projects/p/tasks.json": tasks(task())}, tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "projects" / "p" / "tasks.json.tmp").write_text("{")
    (tmp_path / "messages").mkdir()
    (tmp_path / "messages" / "inbox.json").symlink_to("../instances.json")
    os.mkfifo(tmp_path / "messages" / "pipe")
    found = {one.path: one.what for one in read_directory(tmp_path).odd}
    assert found == {
        ".hidden": "a file",
        "messages/inbox.json": "a link to instances.json",
        "messages/pipe": "not a regular file",
        "notes.txt": "a file",
        "projects/p/tasks.json.tmp": "a file",
    }


def test_a_directory_that_is_none_of_the_format_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a json-v1 directory") as caught:
        read_directory(tmp_path)
    assert "instances.json" in caught.value.hint


def test_a_directory_above_the_right_one_leads_to_it(tmp_path: Path) -> None:
    written({"data/instances.json": instances()}, tmp_path)
    with pytest.raises(UsageError) as caught:
        read_directory(tmp_path)
    assert caught.value.hint == f"Did you mean {tmp_path / 'data'}?"


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_a_source_that_is_no_directory_is_a_usage_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=f"{name} cannot be read"):
        read_directory(tmp_path / name)


def test_a_bare_list_of_records_is_understood(tmp_path: Path) -> None:
    directory = read_directory(written({"messages/inbox/inbox.json": [message()]}, tmp_path))
    assert directory.files[0].records == (message(),)
