"""The long form of the fuzz of the JSON API: other input each time, for half an hour."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.fuzzing import fuzz
from tests.support.process import server_process

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


def test_the_json_api_answers_as_its_document_says_for_half_an_hour(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with server_process(data) as server:
        fuzz(server, tmp_path, "--seed", str(random.randrange(2**32)), "--max-time", "1800")
        assert server.stop() == 0
