"""Machines for the tests here; all of them are marked ``system``, and skipped by name where no machine can run."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.machine import Machine, booted
from tests.support.machines.image import cache_directory, prepared
from tests.support.machines.needs import missing

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Time for an image that is not built yet, and a reason where no machine can be."""
    here = [item for item in items if HERE in item.path.parents]
    reason = missing() if here else None
    for item in here:
        item.add_marker("system")
        item.add_marker(pytest.mark.timeout(600))
        if reason is not None:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed shows what its machines said."""
    report = yield
    if report.failed and call.when != "teardown":
        used = getattr(item, "funcargs", {}).values()
        report.sections += [(one.name, one.report()) for one in used if isinstance(one, Machine)]
    return report


@pytest.fixture(scope="session")
def image() -> Iterator[Sequence[Path]]:
    """The layers of a machine's disk, for :func:`tests.support.machine.booted`."""
    with prepared() as layers:
        yield layers


@pytest.fixture(scope="session")
def machines_home() -> Path:
    """Where machines keep their disks."""
    return cache_directory() / "machines"


@pytest.fixture
def machine(image: Sequence[Path], machines_home: Path) -> Iterator[Machine]:
    """A machine of the test's own, booted; it is gone after the test."""
    with booted(image, machines_home) as machine:
        yield machine


@pytest.fixture
def second_machine(image: Sequence[Path], machines_home: Path) -> Iterator[Machine]:
    """One more."""
    with booted(image, machines_home) as machine:
        yield machine
