"""Names of backups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.environments.backups.naming import (
    age_order,
    archive_name,
    backups_among,
    choose_backup,
    is_backup_id,
    moment_of,
    new_backup_id,
    parse_name,
    record_name,
)
from homeport.errors import UsageError

MOMENT = datetime(2026, 10, 2, 6, 15, tzinfo=UTC)
IDS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)).map(  # noqa: DTZ001 - made aware in the next step
    lambda moment: new_backup_id(moment.replace(tzinfo=UTC))
)


def test_a_backup_is_named_after_its_second_in_utc() -> None:
    assert new_backup_id(MOMENT) == "20261002T061500Z"
    assert new_backup_id(MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))) == "20261002T061500Z"
    assert archive_name("20261002T061500Z") == "data-20261002T061500Z.tar.zst"
    assert archive_name("20261002T061500Z", sealed=True) == "data-20261002T061500Z.tar.zst.age"
    assert record_name("20261002T061500Z") == "data-20261002T061500Z.json"


def test_backups_of_one_second_get_numbers_and_keep_their_order() -> None:
    taken: list[str] = []
    for _ in range(12):
        taken.append(new_backup_id(MOMENT, taken))
    assert taken[:3] == ["20261002T061500Z", "20261002T061500Z-2", "20261002T061500Z-3"]
    assert sorted(taken, key=age_order) == taken
    assert {moment_of(backup) for backup in taken} == {MOMENT}
    assert max([*taken, new_backup_id(MOMENT + timedelta(seconds=1))], key=age_order) == "20261002T061501Z"


@given(IDS, st.booleans())
def test_every_name_is_read_back(backup: str, sealed: bool) -> None:
    file = parse_name(archive_name(backup, sealed=sealed))
    assert file is not None
    assert (file.backup, file.kind, file.sealed) == (backup, "archive", sealed)
    record = parse_name(record_name(backup))
    assert record is not None
    assert (record.backup, record.kind) == (backup, "record")
    assert new_backup_id(moment_of(backup)) == backup


@pytest.mark.parametrize(
    "name",
    [
        *("", "data-", "data-20261002T061500Z", "data-20261002T061500Z.tar", "data-20261002T061500Z.tar.zst.gpg"),
        *("20261002T061500Z.tar.zst", ".data-20261002T061500Z.tar.zst.x.tmp", "data-20261302T061500Z.tar.zst"),
        *("data-20261002T061500Z-1.json", "data-20261002T061500Z-02.json", "data-20261002T061500Z-.json"),
        *("data-20261002T061500Z-2-3.json", "data-\u0662\u0660261002T061500Z.json", "data-20261002T256100Z.json"),
        *("data-20261002T061500Z.json.age", "DATA-20261002T061500Z.json", "data-20261002T061500Z.json\n"),
    ],
)
def test_other_files_are_none_of_a_backup(name: str) -> None:
    assert parse_name(name) is None


def test_the_files_of_backups_are_found_among_others() -> None:
    names = [
        "notes.txt",
        record_name("20261003T000000Z"),
        "data-20261002T061500Z.tar.zst",
        "data-20261002T061500Z.json",
    ]
    assert [file.name for file in backups_among(names)] == [names[2], names[3], names[1]]


def test_a_backup_is_chosen_by_id_file_name_or_as_the_latest() -> None:
    known = ["20261002T061500Z-2", "20261002T061500Z-10", "20261002T061500Z", "20261001T000000Z"]
    assert choose_backup("latest", known, "production") == "20261002T061500Z-10"
    assert choose_backup("20261002T061500Z", known, "production") == "20261002T061500Z"
    assert choose_backup("data-20261001T000000Z.tar.zst.age", known, "production") == "20261001T000000Z"
    assert choose_backup("data-20261001T000000Z", known, "production") == "20261001T000000Z"


def test_a_backup_that_is_not_there_is_refused_with_a_guess() -> None:
    with pytest.raises(UsageError, match=r'There is no backup 20261002T061501Z .* did you mean "20261002T061500Z"'):
        choose_backup("20261002T061501Z", ["20261002T061500Z"], "production-backups")
    with pytest.raises(UsageError, match="There is no backup in production-backups"):
        choose_backup("latest", [], "production-backups")


@pytest.mark.parametrize("text", ["20260230T000000Z", "20261002T240000Z", "00000101T000000Z", "2026100\u06622T061500Z"])
def test_a_date_that_does_not_exist_is_no_id(text: str) -> None:
    assert not is_backup_id(text)
