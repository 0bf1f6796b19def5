"""What a reverse proxy is told, and what of it may not be declared."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from homeport.environments.declaration import parse_declaration
from homeport.environments.faults import DeclarationError
from homeport.environments.machine.requests import request_texts
from homeport.environments.machine.timers import timer_texts
from homeport.environments.machine.units import unit_texts
from homeport.environments.names import BESIDE
from homeport.environments.proxy import LONGEST_USER
from tests.support.provisioning import FILE, PROGRAM, declared


def faults(text: str) -> list[str]:
    with pytest.raises(DeclarationError) as refused:
        parse_declaration(text, FILE)
    return [str(fault) for fault in refused.value.faults]


def test_an_environment_behind_a_proxy_asks_for_tokens_and_believes_it_who_calls() -> None:
    alone, behind = declared(name="development"), declared('proxy = "nginx"', "development")
    assert (alone.auth, alone.trusted_proxies) == ("open", ())
    assert behind.auth == "tokens"
    assert "127.0.0.0/8" in behind.trusted_proxies


def test_an_open_environment_behind_a_proxy_is_a_fault() -> None:
    (fault,) = faults('[environments.development]\nproxy = "nginx"\nauth = "open"\n')
    assert fault.startswith("environments.development.proxy: would open")


def test_two_environments_may_share_a_name_and_not_a_path_of_it() -> None:
    both = '[environments.production]\nproxy = "nginx"\n[environments.development]\nproxy = "nginx"\n'
    assert len(parse_declaration(both, FILE).environments) == 2
    (fault,) = faults(f'{both}proxy_path = ""\n')
    assert fault == "environments.development.proxy_path: / of localhost is production's"
    named = parse_declaration(f'{both}proxy_path = ""\nserver_name = "dev.example.org"\n', FILE)
    assert len(named.environments) == 2


def test_a_site_of_ones_own_begins_at_root_and_the_name_is_the_first_host() -> None:
    proxy = declared('proxy = "nginx"\nallowed_hosts = ["a.example.org", "b.example.org"]\nnginx_site = "site"').proxy
    assert proxy is not None
    assert (proxy.server_name, proxy.site) == ("a.example.org", PurePosixPath("/srv/team/site"))


@pytest.mark.parametrize(
    "line",
    [
        'proxy_path = "dev"',
        'proxy_path = "/dev/"',
        'proxy_path = "/d v"',
        'proxy_path = "/;}"',
        "proxy_port = 0",
        'proxy = "caddy"',
        'user = "root"',
        'user = "Ada Lovelace"',
        'backup_schedule = "daily\\nUser=root"',
        'unit_credentials = ["name"]',
        'unit_credentials = ["name:relative"]',
        'alarm = [""]',
    ],
)
def test_what_would_break_a_unit_or_nginxs_grammar_is_refused_by_its_path(line: str) -> None:
    (fault,) = faults(f"[environments.production]\n{line}\n")
    assert fault.startswith(f"environments.production.{line.split(maxsplit=1)[0]}")


def test_a_users_name_is_the_units_or_as_much_of_it_as_fits_and_no_other_units() -> None:
    assert declared().user == "homeport-production"
    long = [declared(f'unit = "{"x" * 35}-{end}"').user for end in ("one", "two")]
    assert all(len(user) <= LONGEST_USER for user in long)
    assert len(set(long)) == 2


def test_a_unit_beside_one_environments_server_is_no_other_environments_unit() -> None:
    table = "[environments.{}]\nhttp_port = {}\nsse_port = {}\n"
    text = table.format("a", 4000, 4001) + table.format("a-sse", 4002, 4003)
    assert faults(text) == ["environments.a-sse.unit: homeport-a-sse and a's homeport-a would have a unit of one name"]


def test_the_names_that_stand_beside_a_server_are_all_known() -> None:
    follow = "{ branches = ['main'], poll_schedule = 'daily', webhook_secret = '/s' }"
    replica = "[environments.production.backup]\ncontinuous = '/mnt/replica'"
    environment = declared(f"checkout = '/c'\nfollow = {follow}\n{replica}")
    names = {**unit_texts(environment, PROGRAM), **timer_texts(environment, PROGRAM)}
    names |= request_texts(environment, PROGRAM)
    found = {name.partition(".")[0].rstrip("@").removeprefix(environment.unit).lstrip("-") for name in names}
    assert found - {""} == set(BESIDE)
