"""What an import makes of the earlier server's messages: who gets them, and who has read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from homeport.coordination import presence, projects
from homeport.coordination.store import Records
from homeport.coordination.values import from_iso
from homeport.exchange.json_v1.report import Report
from tests.unit.exchange.trees import (
    INBOX,
    NOW,
    Tree,
    exported,
    imported,
    inbox,
    instances,
    manifest,
    message,
    messages,
    told,
)


def test_inboxes_are_in_the_order_of_time_whatever_the_order_of_files(records: Records, sample: Report) -> None:
    found = [records.messages.get(one) for one in inbox(records, "Agent-One-2025-08-01")]
    times = [one.created_at for one in found if one is not None]
    assert times == sorted(times, reverse=True)


def test_a_broadcast_reaches_every_instance_and_those_who_register_later(records: Records, sample: Report) -> None:
    for one in records.instances.ids():
        assert "msg-1" in inbox(records, one)
    presence.register(records, presence.Registration("late", "Tester"), NOW)
    assert "msg-1" in inbox(records, "late")


def test_a_private_inbox_called_all_is_a_broadcast_after_all(records: Records, sample: Report) -> None:
    assert "msg-1754600000000-eeee0001" in inbox(records, "Agent-Two-2025-08-02")
    assert any(one.consequence == "delivered to everybody" for one in told(sample, "messages"))


def test_a_message_to_a_role_reaches_who_has_it_wherever_it_was_filed(records: Records, sample: Report) -> None:
    assert {"msg-2", "msg-1754600002000-eeee0003"} <= set(inbox(records, "Agent-Two-2025-08-02"))
    assert "msg-2" not in inbox(records, "Phoenix Fire")


def test_a_message_to_a_team_reaches_whoever_joins_it(records: Records, sample: Report) -> None:
    assert "msg-1754700000000-ffff0001" not in inbox(records, "Agent-Two-2025-08-02")
    projects.join(records, "harbour", "Agent-Two-2025-08-02", NOW)
    assert "msg-1754700000000-ffff0001" in inbox(records, "Agent-Two-2025-08-02")


def test_a_message_to_a_name_that_never_registered_waits_for_it(records: Records, sample: Report) -> None:
    presence.register(records, presence.Registration("NextCOO", "COO"), NOW)
    assert "msg-1754600001000-eeee0002" in inbox(records, "NextCOO")
    assert any(one.path == "NextCOO" for one in told(sample, "messages"))


@pytest.mark.parametrize(
    ("to", "readers"),
    [
        ("all", ["a", "b", "c"]),
        ("ALL", ["a", "b", "c"]),
        ("a", ["a"]),
        ("a, c", ["a", "c"]),
        (["a", "c"], ["a", "c"]),
        ("tester", ["a", "b", "c"]),
        ("project-team:p", ["b"]),
        ("project-member:p:c", ["c"]),
        ("p:c", ["c"]),
        ("nobody", ["nobody"]),
        ("../../x", ["a", "b", "c"]),
        (None, ["a", "b", "c"]),
        ({"odd": 1}, ["a", "b", "c"]),
    ],
)
def test_every_form_of_an_address_reaches_whom_it_means(
    to: Any, readers: list[str], records: Records, tmp_path: Path
) -> None:
    tree = {
        "instances.json": instances("a", "b", "c", role="TESTER"),
        "projects/manifest.json": manifest("p", metadata={"members": ["b"]}),
        INBOX: messages(message("m", to)),
    }
    imported(records, tree, tmp_path)
    sent = records.messages.get("m")
    assert sent is not None
    assert [one.reader for one in records.messages.deliveries(sent.seq)] == readers


def test_a_message_lies_where_it_lay_too_when_it_names_others(records: Records, tmp_path: Path) -> None:
    tree = {"instances.json": instances("a", "b"), "messages/instances/a/inbox.json": messages(message("m", "b"))}
    report = imported(records, tree, tmp_path)
    assert inbox(records, "a") == inbox(records, "b") == ["m"]
    assert told(report, "messages")[0].consequence == "delivered there too"


def test_a_body_that_is_a_list_is_readable_text_and_keeps_its_parts(records: Records, sample: Report) -> None:
    one = records.messages.get("msg-1754400004000-aaaa0005")
    assert one is not None
    assert one.body == "First part.\nZweiter Teil 🌊"
    assert one.parts is not None
    assert len(one.parts) == 3


def test_fields_of_the_second_schema_are_understood(records: Records, sample: Report) -> None:
    one = records.messages.get("msg-1754400007000-aaaa0008")
    assert one is not None
    assert (one.type, one.metadata) == ("notice", {"migration_metadata": {"from": "1.0"}})


def test_copies_of_one_message_are_one_message_with_a_state_for_each_reader(records: Records, sample: Report) -> None:
    sent = records.messages.get("msg-1754500003000-cccc0004")
    assert sent is not None
    states = {one.reader: one.read_at for one in records.messages.deliveries(sent.seq)}
    assert states == {"Agent-One-2025-08-01": None, "Phoenix Fire": from_iso("2025-08-08T09:00:00Z")}


def test_two_messages_of_one_id_are_both_there(records: Records, sample: Report) -> None:
    first, second = records.messages.get("msg-1"), records.messages.get("msg-1~2")
    assert first is not None
    assert second is not None
    assert (first.sender, second.sender) == ("system-of-old", "Agent-Two-2025-08-02")
    assert "msg-1~2" in inbox(records, "Agent-One-2025-08-01")


def test_a_broadcast_that_one_has_read_is_unread_for_the_others(records: Records, sample: Report) -> None:
    sent = records.messages.get("msg-1754400005000-aaaa0006")
    assert sent is not None
    assert sent.thread_id == "thread-7"
    read = {one.reader for one in records.messages.deliveries(sent.seq) if one.read_at is not None}
    assert read == {"Agent-Two-2025-08-02"}


def read_state(records: Records, tmp_path: Path, tree: Tree) -> dict[str, tuple[int | None, bool]]:
    imported(records, tree, tmp_path)
    sent = records.messages.get("m")
    assert sent is not None
    return {one.reader: (one.read_at, one.archived_at is not None) for one in records.messages.deliveries(sent.seq)}


READ = from_iso("2025-08-06T00:00:00Z")
CREATED = from_iso("2025-08-05T10:00:00Z")
AT = "2025-08-06T00:00:00Z"


@pytest.mark.parametrize(
    ("to", "fields", "states"),
    [
        ("a", {}, {"a": (None, False)}),
        ("a", {"status": "read", "read_at": AT, "read_by": "a"}, {"a": (READ, False)}),
        ("a", {"status": "read"}, {"a": (CREATED, False)}),
        ("a", {"read_at": AT}, {"a": (READ, False)}),
        ("a", {"status": "read", "read_by": "b"}, {"a": (None, False)}),
        ("a", {"status": "archived", "archived_at": AT}, {"a": (READ, True)}),
        ("all", {"status": "read"}, {"a": (None, False), "b": (None, False)}),
        ("all", {"read_at": AT, "read_by": ["b"]}, {"a": (None, False), "b": (READ, False)}),
        ("all", {"read_at": AT, "read_by": "gone"}, {"a": (None, False), "b": (None, False), "gone": (READ, False)}),
        ("all", {"archived_at": AT, "archived_by": "a"}, {"a": (READ, True), "b": (READ, True)}),
        ("all", {"read_at": "never"}, {"a": (None, False), "b": (None, False)}),
    ],
)
def test_who_has_read_what_comes_over(
    to: str, fields: dict[str, Any], states: dict[str, Any], records: Records, tmp_path: Path
) -> None:
    tree = {"instances.json": instances("a", "b"), INBOX: messages(message("m", to, **fields))}
    assert read_state(records, tmp_path, tree) == states


def test_an_archive_file_is_an_archive_even_when_its_messages_do_not_say_so(records: Records, tmp_path: Path) -> None:
    path = "messages/instances/a/archive/2025-08.json"
    tree = {"instances.json": instances("a"), path: {"messages": [message("m", "a")]}}
    assert read_state(records, tmp_path, tree) == {"a": (CREATED, True)}
    assert (inbox(records, "a"), inbox(records, "a", archived=True)) == ([], ["m"])


def test_texts_that_no_database_takes_are_readable_and_still_given_back(records: Records, tmp_path: Path) -> None:
    tree = {
        INBOX: messages(message("m", "a", subject="cut \ud83d off \x00", metadata={"big": 2**80, "\x00": "\udc00"}))
    }
    imported(records, tree, tmp_path)
    sent = records.messages.get("m")
    assert sent is not None
    assert sent.subject == "cut \ufffd off \ufffd"
    assert sent.metadata == {"big": str(2**80), "\ufffd": "\ufffd"}
    assert exported(records) == tree
