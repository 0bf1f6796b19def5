"""Each kind of step can be read from a journal, whatever command reads it."""

from __future__ import annotations

import pytest

from homeport.environments.every_step import MODULES
from homeport.environments.steps import Step, step_kind
from tests.architecture.source import modules


def test_every_module_with_steps_is_known_to_the_journal() -> None:
    with_steps = {
        name
        for name, module in modules().items()
        if name.startswith("homeport.environments.") and "\n@step_kind\n" in module.path.read_text()
    }
    assert with_steps == {module.__name__ for module in MODULES}


def test_two_kinds_of_steps_cannot_have_one_name() -> None:
    class StopServer(Step):
        """Another."""

    with pytest.raises(ValueError, match="two kinds of steps are called StopServer"):
        step_kind(StopServer)
