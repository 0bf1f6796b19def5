"""What a server noted is read by another user, who believes nothing of it."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from homeport.errors import ConflictError, UnavailableError
from homeport.host.services.requests import open_requests
from homeport.server.requests import MOST_WAITING, RequestDirectory
from homeport.transports.forges import Delivery, Pushed

PUSHED = Pushed("main", "a" * 40)
NAME = "0" * 32 + ".request.json"


def noted(directory: Path, secret: Path | None = None) -> RequestDirectory:
    return RequestDirectory(directory, secret or directory / "secret", lambda: datetime(2026, 10, 2, tzinfo=UTC))


def delivery(name: str) -> Delivery:
    return Delivery("github", "push", name)


def test_what_was_noted_is_read_once_and_then_gone(tmp_path: Path) -> None:
    noted(tmp_path).put(delivery("1"), "digest", PUSHED)
    with open_requests(tmp_path) as requests:
        (one,) = requests.waiting()
        assert (one.branch, one.commit, one.problem) == ("main", "a" * 40, "")
        requests.remove(one)
        assert requests.waiting() == []
    (file,) = tmp_path.iterdir()
    assert file.name == "known"


def test_a_delivery_is_known_again_by_its_id_and_by_its_body_after_a_restart(tmp_path: Path) -> None:
    noted(tmp_path).put(delivery("1"), "digest", PUSHED)
    for again in ((delivery("1"), "another"), (delivery("2"), "digest")):
        with pytest.raises(ConflictError):
            noted(tmp_path).put(*again, PUSHED)
    noted(tmp_path).put(delivery("2"), "another", PUSHED)
    noted(tmp_path).put(delivery(""), "a third", PUSHED)
    noted(tmp_path).put(delivery(""), "a fourth", PUSHED)


def test_where_nobody_comes_for_them_no_more_are_noted(tmp_path: Path) -> None:
    for number in range(MOST_WAITING):
        (tmp_path / f"{number}.request.json").touch()
    with pytest.raises(UnavailableError, match="wait already"):
        noted(tmp_path).put(delivery("1"), "digest", PUSHED)
    with pytest.raises(UnavailableError, match="cannot be written"):
        noted(tmp_path / "missing").put(delivery("1"), "digest", PUSHED)


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("a secret that is long enough", 0o640, "may be read by others"),
        ("short", 0o600, "could be guessed"),
        ("", 0o600, "could be guessed"),
    ],
)
def test_a_secret_that_is_none_takes_no_webhook(tmp_path: Path, text: str, mode: int, words: str) -> None:
    file = tmp_path / "secret"
    with pytest.raises(UnavailableError, match="cannot be read"):
        noted(tmp_path, file).secret()
    file.write_text(text)
    file.chmod(mode)
    with pytest.raises(UnavailableError, match=words) as refused:
        noted(tmp_path, file).secret()
    assert "long enough" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "{}",
        json.dumps({"branch": "--upload-pack=x", "commit": "a" * 40}),
        json.dumps({"branch": "main", "commit": "HEAD"}),
        json.dumps({"branch": 1, "commit": "a" * 40}),
        json.dumps({"branch": "main", "commit": "a" * 40, "more": "x" * 5000}),
    ],
)
def test_a_file_that_is_no_request_is_named_and_nothing_of_it_is_believed(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with open_requests(tmp_path) as requests:
        (one,) = requests.waiting()
        assert (one.branch, one.commit) == ("", "")
        assert one.problem
        requests.remove(one)
        assert requests.waiting() == []


def test_links_and_pipes_are_neither_followed_nor_waited_for(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text(json.dumps({"branch": "main", "commit": "a" * 40}))
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / NAME).symlink_to(outside)
    os.mkfifo(inside / ("1" * 32 + ".request.json"))
    with open_requests(inside) as requests:
        found = requests.waiting()
        assert [one.branch for one in found] == ["", ""]
        for one in found:
            requests.remove(one)
    assert outside.exists()
    (tmp_path / "link").symlink_to(inside)
    with pytest.raises(OSError, match="link"), open_requests(tmp_path / "link"):
        pass


def test_the_directory_that_is_open_is_the_one_that_is_read(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    (second / NAME).write_text("precious")
    with open_requests(first) as requests:
        first.rename(tmp_path / "away")
        first.symlink_to(second)
        assert requests.waiting() == []
    assert (second / NAME).read_text() == "precious"
