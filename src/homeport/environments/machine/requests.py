"""What picks up the requests of signed webhooks: a path unit that looks, and a service of root that acts."""

from __future__ import annotations

from homeport.contract.pushes import REQUEST_SUFFIX
from homeport.environments.environment import Environment
from homeport.environments.machine.program import Program
from homeport.environments.machine.sandbox import bringing_sandbox
from homeport.environments.machine.unit_text import command_line, plain, render_unit
from homeport.environments.machine.units import head_of, on_failure


def request_units(environment: Environment) -> tuple[str, ...]:
    """The unit that looks; none where no webhooks are taken."""
    return (f"{environment.unit}-requests.path",) if environment.takes_webhooks else ()


def request_texts(environment: Environment, program: Program) -> dict[str, str]:
    """The units, by name."""
    if not environment.takes_webhooks:
        return {}
    head, name = head_of(environment), f"{environment.unit}-requests"
    what = plain(f"Homeport, {environment.name}: ")
    return {
        f"{name}.path": render_unit(
            head,
            [
                ("Unit", [("Description", f"{what}what webhooks ask for")]),
                # Those that came while the machine or the service was away are found, too.
                ("Path", [("PathExistsGlob", f"{plain(environment.requests_directory)}/*{REQUEST_SUFFIX}")]),
                ("Install", [("WantedBy", "multi-user.target")]),
            ],
        ),
        f"{name}.service": render_unit(
            head,
            [
                ("Unit", [("Description", f"{what}branches that webhooks ask for"), on_failure(environment)]),
                (
                    "Service",
                    [
                        ("Type", "oneshot"),
                        ("ExecStart", command_line(program.command("requests", environment.name))),
                        ("SyslogIdentifier", name),
                        *bringing_sandbox(),
                    ],
                ),
            ],
        ),
    }
