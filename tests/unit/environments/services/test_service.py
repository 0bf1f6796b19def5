"""What is declared of an environment's server, and what follows from it."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from homeport.environments.declaration import parse_declaration
from homeport.environments.environment import Environment
from homeport.environments.faults import DeclarationError
from homeport.environments.services.commands import serve_command

FILE = PurePosixPath("/srv/homeport.toml")
PYTHON = PurePosixPath("/usr/bin/python3")


def declared(lines: str) -> Environment:
    return parse_declaration(f"[environments.local]\n{lines}\n", FILE).environment("local")


def faults(lines: str) -> list[str]:
    with pytest.raises(DeclarationError) as error:
        declared(lines)
    return [str(fault) for fault in error.value.faults]


def test_homeports_own_server_is_served_from_the_declaration() -> None:
    environment = declared("")
    assert not environment.is_foreign
    assert serve_command(environment, FILE, PYTHON) == (
        *("/usr/bin/python3", "-P", "-m", "homeport", "serve", "local", "--config", "/srv/homeport.toml"),
    )


def test_a_checkout_is_served_by_its_own_interpreter_and_installs_its_lock_file() -> None:
    environment = declared("checkout = 'source'")
    assert environment.service.checkout == PurePosixPath("/srv/source")
    assert serve_command(environment, FILE, PYTHON)[0] == "/srv/source/.venv/bin/python"
    assert "requirements/runtime.lock" in environment.service.install
    assert environment.service.working_directory == PurePosixPath("/srv/source")


def test_another_server_is_its_command_with_variables_and_health() -> None:
    environment = declared(
        'command = ["node", "server.js"]\nworking_directory = "app"\nvariables = { HTTP_PORT = "3448", A = "x y" }\n'
        'health = "/up?deep=1"\nhealth_says = { status = "ok" }'
    )
    assert environment.is_foreign
    assert serve_command(environment, FILE, PYTHON) == ("node", "server.js")
    assert environment.service.working_directory == PurePosixPath("/srv/app")
    assert dict(environment.service.variables) == {"HTTP_PORT": "3448", "A": "x y"}
    assert environment.health_url == "http://127.0.0.1:3448/up?deep=1"
    assert environment.service.install == ()


def test_health_may_be_elsewhere() -> None:
    assert declared('command = ["x"]\nhealth = "http://127.0.0.1:9/h"').health_url == "http://127.0.0.1:9/h"


def test_values_of_variables_are_not_shown() -> None:
    shown = str(declared('command = ["x"]\nvariables = { KEY = "hidden" }').as_json())
    assert "KEY" in shown
    assert "hidden" not in shown


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ('command = "node server.js"', 'command: "node server.js" is not a list in square brackets'),
        ('command = [""]', "command: begins with an empty text"),
        ('command = ["a\\u0000b"]', "command[0]: a text with a zero byte"),
        ('command = ["x"]\nhealth = "up"', 'health: "up" is neither a path'),
        ('command = ["x"]\nhealth = "//else.where/up"', 'health: "//else.where/up" is neither a path'),
        ('command = ["x"]\nhealth = "ftp://x/"', 'health: "ftp://x/" is neither a path'),
        ('health = "/up"', "health: is for a server with a command of its own"),
        ('health_says = { a = "b" }', "health_says: is for a server with a command of its own"),
        ('variables = { "A B" = "c" }', '"A B" is not a name of a variable'),
        ("variables = { A = 1 }", "variables.A: 1 is not a text in quotes"),
        ("variables = 1", "variables: 1 is not a table in braces"),
        ('service = "upstart"', 'service: "upstart" is not "auto", "systemd" or "processes"'),
        ('branch = "main"', "branch: needs a checkout"),
        ('install = ["npm", "ci"]', "install: needs a checkout"),
        ('checkout = "s"\nbranch = "--upload-pack=x"', 'branch: "--upload-pack=x" is not the name of a branch'),
        ('checkout = "s"\nbranch = "a..b"', 'branch: "a..b" is not the name of a branch'),
        ('checkout = "~/s"', "checkout: "),
    ],
)
def test_what_cannot_be_is_told_with_its_setting(lines: str, fault: str) -> None:
    found = faults(lines)
    assert len(found) == 1
    assert fault in found[0]


def test_two_environments_do_not_share_a_checkout() -> None:
    with pytest.raises(DeclarationError) as error:
        parse_declaration("[environments.local]\ncheckout='s'\n[environments.development]\ncheckout='./s'\n", FILE)
    assert "environments.development.checkout: /srv/s is local's" in str(error.value)
