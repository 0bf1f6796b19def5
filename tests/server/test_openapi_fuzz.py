"""The JSON API does what its own document says, whatever is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fuzzing import fuzz
from tests.support.process import server_process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.mark.parametrize(
    "arguments",
    [("--phases", "coverage"), ("--phases", "fuzzing,stateful", "--mode", "positive", "--max-examples", "4")],
    ids=["the edges of every schema", "what fits the schemas"],
)
def test_the_json_api_answers_as_its_document_says(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with server_process(data) as server:
        fuzz(server, tmp_path, "--seed", "1", *arguments)
        assert server.stop() == 0
