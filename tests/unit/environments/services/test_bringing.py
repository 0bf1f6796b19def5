"""How what was brought to a checkout gets to run."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from homeport.environments.declaration import parse_declaration
from homeport.environments.environment import Environment
from homeport.environments.plan import Plan
from homeport.environments.services.plans import plan_bring, plan_pull
from homeport.environments.services.state import ManagerKind, ServiceState
from homeport.environments.services.steps import CheckOut, ComeBack, RenewServer, RestartServer

COMMIT = "a" * 40


def declared(text: str) -> Environment:
    return parse_declaration(text, PurePosixPath("/srv/homeport.toml")).environment("development")


@pytest.mark.parametrize(
    ("manager", "beside"), [("systemd", True), ("systemd", False), ("processes", True), ("processes", False)]
)
def test_the_next_server_begins_beside_the_one_that_runs_where_that_hands_over(
    manager: ManagerKind, beside: bool
) -> None:
    environment = declared("[environments.development]\ncheckout = 'c'\n")
    state = ServiceState(manager=manager, running=True, hands_over=beside)
    plans = (
        plan_bring("push", environment, state, "feature/x", COMMIT, 60),
        plan_pull(environment, state, COMMIT, 60),
    )
    for plan in plans:
        kinds = [type(step) for step in plan.steps]
        assert kinds[:2] == [ComeBack, CheckOut]
        assert (RenewServer in kinds, RestartServer in kinds) == (beside, not beside)
        back = plan.steps[0]
        assert isinstance(back, ComeBack)
        assert back.renew is beside
        assert Plan.from_json(plan.as_json()) == plan
