"""Data that are kept aside before a migration: the way back to them, wherever a run was killed on it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

import pytest

from homeport.cli.hands import hands_of
from homeport.contract import IDENTITY_FILE
from homeport.environments.declaration import parse_declaration
from homeport.environments.releases.steps import DemandNothingLost, PutDataBack
from homeport.environments.steps import Step
from homeport.errors import HomeportError
from homeport.host.hands import Hands
from homeport.host.releases.aside import allow_loss, demand_nothing_lost, drop, left_of, put_back, set_apart

RELEASE: Final = "20261003T061500Z-bbbbbbb"
BROKEN: Final = ("false",)
"""A program that can say nothing of data."""


class Place:
    """Production, with data that were kept aside."""

    def __init__(self, directory: Path) -> None:
        file = PurePosixPath(directory / "homeport.toml")
        Path(file).write_text("[environments.production]\nhttp_port = 3444\nsse_port = 3445\nservice = 'processes'\n")
        self.declaration = parse_declaration(Path(file).read_text(), file)
        self.environment = self.declaration.environment("production")
        self.data = Path(self.environment.data_directory)
        self.aside = self.data.with_name(f"data.before-{RELEASE}")
        self.left = self.data.with_name(f"data.left-{RELEASE}")
        for path, text in ((self.data, "new"), (self.aside, "old")):
            path.mkdir(parents=True)
            (path / IDENTITY_FILE).write_text(text)

    @property
    def hands(self) -> Hands:
        return hands_of(self.declaration, self.environment)

    @property
    def lost(self) -> DemandNothingLost:
        return DemandNothingLost("production", RELEASE, PurePosixPath(self.aside))

    def apply(self, step: Step) -> None:
        self.hands[type(step)].apply(step)

    def beside(self) -> list[str]:
        return sorted(path.name for path in self.data.parent.glob("data?*"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_run_that_is_killed_between_two_renames_is_gone_on_with(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are no live data then: nobody can be asked about them, and nobody need be."""
    rename = Path.rename

    def killed(self: Path, target: Path) -> Path:
        if self == place.aside:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            put_back(place.environment, (), place.aside)
    assert not place.data.exists()
    assert left_of(place.environment, place.aside) == place.left
    place.apply(place.lost)
    place.apply(PutDataBack("production", PurePosixPath(place.aside)))
    assert (place.data / IDENTITY_FILE).read_text() == "old"
    assert place.beside() == [place.left.name]
    # And once more, as by a run that was killed before it could note that.
    place.apply(PutDataBack("production", PurePosixPath(place.aside)))
    assert (place.data / IDENTITY_FILE).read_text() == "old"


def test_what_a_person_allowed_needs_no_program_that_may_be_broken(place: Place) -> None:
    with pytest.raises(HomeportError):
        demand_nothing_lost(place.environment, BROKEN, place.lost)
    allow_loss(place.aside)
    demand_nothing_lost(place.environment, BROKEN, place.lost)


def test_what_was_left_once_stays_when_data_are_left_again(place: Place) -> None:
    """What a person agreed to lose is in it, and nowhere else."""
    place.left.mkdir()
    (place.left / IDENTITY_FILE).write_text("agreed to")
    put_back(place.environment, BROKEN, place.aside)
    assert (place.left / IDENTITY_FILE).read_text() == "agreed to"
    assert place.beside() == [place.left.name, f"{place.left.name}-2"]
    assert (place.data.with_name(f"{place.left.name}-2") / IDENTITY_FILE).read_text() == "new"


@pytest.mark.parametrize("how", ["dropped", "put back", "set apart"])
def test_that_a_loss_was_allowed_once_does_not_count_the_next_time(place: Place, how: str) -> None:
    allow_loss(place.aside)
    if how == "dropped":
        drop(place.aside)
    elif how == "set apart":
        set_apart(place.aside, "one")
        assert place.beside() == [f"data.before-{RELEASE}-one"]
    else:
        put_back(place.environment, (), place.aside)
    assert not [name for name in place.beside() if name.endswith(".lose")]
