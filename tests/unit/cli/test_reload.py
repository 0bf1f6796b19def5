"""``homeport start ENV --reload`` for another program's server, and where it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from homeport.environments.environment import Environment
from homeport.environments.services.plans import plan_start
from homeport.environments.services.state import ServiceState
from homeport.errors import GuardError
from homeport.host.health import ask_environment
from homeport.host.services.processes import ProcessManager
from tests.support.foreign import PROGRAM
from tests.support.ports import free_ports
from tests.support.waiting import until
from tests.unit.cli.test_servers import Shop

PATIENCE = 40.0


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shop]:
    one = Shop(tmp_path, capsys)
    yield one
    if one.environment is not None:
        ProcessManager(PurePosixPath("/"), PurePosixPath("/"), grace=10).stop(one.environment)


def version(environment: Environment) -> object:
    return ask_environment(environment).payload.get("version")


def program(text: str) -> str:
    return PROGRAM.replace('os.environ.get("VERSION", "1")', repr(text))


@pytest.mark.slow
def test_another_programs_server_is_started_anew_and_a_fault_is_told(shop: Shop, tmp_path: Path) -> None:
    environment = shop.declare(more="working_directory = '.'\n")
    file = tmp_path / "shop.py"
    shop.json("start", "shop", "--reload")
    file.write_text(program("2"))
    until(lambda: version(environment) == "2", within=PATIENCE)
    # What the environment writes itself is no change of its source.
    (Path(environment.data_directory) / "orders.json").write_text("[]")
    file.write_text("raise SystemExit('no table called agents')")
    until(lambda: "no table called agents" in str(shop.status["reasons"]), within=PATIENCE)
    assert "Nothing serves until the next change." in str(shop.status["reasons"])
    file.write_text(program("3"))
    until(lambda: version(environment) == "3", within=PATIENCE)
    assert "orders" not in Path(environment.log_file).read_text()
    assert shop.json("stop", "shop")["changed"]
    assert version(environment) is None


def test_a_server_that_never_starts_is_told_as_without_reload(shop: Shop) -> None:
    shop.declare("crash")
    _, err = shop.run("start", "shop", "--reload", code=1)
    assert "no table called agents" in err
    assert shop.status["condition"] != "healthy"


def test_one_that_runs_already_is_not_restarted_behind_anybodys_back(shop: Shop) -> None:
    shop.declare()
    pid = shop.json("start", "shop")["server"]["pids"][0]
    _, err = shop.run("start", "shop", "--reload", code=3)
    assert "homeport stop shop" in err
    assert shop.json("start", "shop")["server"]["pids"][0] == pid


def test_what_is_installed_has_no_source_to_look_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    http, sse = free_ports(2)
    (tmp_path / "homeport.toml").write_text(f"[environments.development]\nhttp_port = {http}\nsse_port = {sse}\n")
    shop = Shop(tmp_path, capsys)
    _, err = shop.run("start", "development", "--reload", "--dry-run", code=2)
    assert "homeport init --checkout" in err


def test_systemds_server_is_not_anybodys_to_exchange(shop: Shop) -> None:
    environment = shop.declare()
    with pytest.raises(GuardError, match="homeport restart shop"):
        plan_start(environment, ServiceState(manager="systemd", running=False), reload=True)
    shop.environment = None
