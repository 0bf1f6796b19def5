"""A database in the declaration: what may be said of it, who may have it, and what follows for the server's unit."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from homeport.contract import DatabaseAddress
from homeport.database_url import parse_database_url
from homeport.environments.declaration import Declaration, parse_declaration
from homeport.environments.environment import Environment
from homeport.environments.faults import DeclarationError
from homeport.environments.machine.program import Program
from homeport.environments.machine.units import unit_texts

FILE = PurePosixPath("/srv/team/homeport.toml")
URL = "postgresql://homeport@db.example.org/homeport_production"


def read(**tables: str) -> Declaration:
    return parse_declaration("".join(f"[environments.{name}]\n{table}\n" for name, table in tables.items()), FILE)


def production(table: str) -> Environment:
    return read(production=table).environment("production")


def faults_of(**tables: str) -> list[str]:
    with pytest.raises(DeclarationError) as caught:
        read(**tables)
    return [str(fault) for fault in caught.value.faults]


def unit_of(environment: Environment) -> str:
    program = Program(("/opt/homeport/bin/python", "-P", "-m", "homeport"), FILE)
    return unit_texts(environment, program)[environment.service_unit]


def test_the_server_is_told_the_address_and_where_the_password_stands() -> None:
    declared = production(f'database = "{URL}"\ndatabase_password_file = "secrets/production"')
    told = declared.serve_settings("1.0").database
    assert told == DatabaseAddress(URL, "/srv/team/secrets/production")
    assert declared.as_json()["database"] == URL


def test_without_a_database_the_data_are_a_file() -> None:
    assert production("").database is None
    assert production('database = ""\ndatabase_password_file = ""').database is None


@pytest.mark.parametrize(
    ("url", "user", "hosts", "name"),
    [
        (URL, "homeport", (("db.example.org", "5432"),), "homeport_production"),
        ("postgres://u@[2001:db8::1]:6000/d", "u", (("2001:db8::1", "6000"),), "d"),
        ("postgresql://u@/d?host=/run/postgresql", "u", (("/run/postgresql", "5432"),), "d"),
        ("postgresql://u@%2Frun%2Fpostgresql/d", "u", (("/run/postgresql", "5432"),), "d"),
        ("postgresql://u@/d?host=a,b&port=1,2", "u", (("a", "1"), ("b", "2")), "d"),
        ("postgresql://u@a:1,b:2/d?target_session_attrs=read-write", "u", (("a", "1"), ("b", "2")), "d"),
        ("postgresql://a%40b@h/d%20e", "a@b", (("h", "5432"),), "d e"),
    ],
)
def test_a_url_says_what_libpq_reads_in_it(url: str, user: str, hosts: tuple[tuple[str, str], ...], name: str) -> None:
    found = parse_database_url(url)
    assert (found.user, found.hosts, found.name) == (user, hosts, name)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://u@h/d", "is not the URL of a PostgreSQL database"),
        ("host=h dbname=d", "is not the URL of a PostgreSQL database"),
        ("postgresql://u:hunter2@h/d", "holds a password, and this file is read by many"),
        ("postgresql://u:@h/d", "holds a password"),
        ("postgresql://u@h/d?password=hunter2", "holds a password"),
        ("postgresql://h/d", "says no user"),
        ("postgresql://u@h", "names no database"),
        ("postgresql://u@h/", "names no database"),
        ("postgresql://u@/d", "names no host; for a unix socket write its directory"),
        (
            "postgresql://u@h/d?sslmod=require",
            "has a parameter 'sslmod'; those that may be there are host, ",
        ),
        ("postgresql://u@h/d?dbname=other", "has a parameter 'dbname'"),
        ("postgresql://u@h:99999/d", "has '99999' for a port"),
        ("postgresql://u@/d?host=a,b,c&port=1,2", "has 3 hosts and 2 ports"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_the_reason_and_without_its_password(url: str, why: str) -> None:
    (fault,) = faults_of(production=f'database = "{url}"')
    assert fault.startswith("environments.production.database: ")
    assert why in fault
    assert "hunter2" not in fault


@pytest.mark.parametrize(
    "other",
    [
        URL,
        "postgres://someone@DB.example.org.:5432/homeport_production?sslmode=require",
        "postgresql://homeport@/homeport_production?host=db.example.org",
    ],
)
def test_no_two_environments_have_one_database_however_they_write_it(other: str) -> None:
    (fault,) = faults_of(production=f'database = "{URL}"', development=f'database = "{other}"')
    assert fault == "environments.development.database: db.example.org:5432/homeport_production is production's"


def test_the_cluster_of_this_machine_is_one_by_whatever_way_it_is_reached() -> None:
    (fault,) = faults_of(
        production='database = "postgresql://u@/d?host=/var/run/postgresql"',
        development='database = "postgresql://u@localhost/d"',
    )
    assert fault == "environments.development.database: this machine:5432/d is production's"


def test_environments_may_have_databases_of_one_cluster() -> None:
    found = read(production='database = "postgresql://u@h/p"', development='database = "postgresql://u@h/d"')
    assert len(found.environments) == 2


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ('database_password_file = "/x"', "database_password_file: is the password of a database; none is declared"),
        (f'database = "{URL}"\ncommand = ["node"]', "database: is for Homeport's own server"),
        (f'database = "{URL}"\nbackup.continuous = "/mnt/replica"', "backup.continuous: is for a database file"),
        (
            f'database = "{URL}"\ndatabase_password_file = "/x"\nunit_credentials = ["database-password:/y"]',
            "unit_credentials: has database-password",
        ),
    ],
)
def test_what_does_not_go_together_is_named(table: str, fault: str) -> None:
    (found,) = faults_of(production=table)
    assert found.startswith(f"environments.production.{fault}")


def test_a_server_under_systemd_is_handed_the_password_that_its_user_cannot_read() -> None:
    declared = production(f'database = "{URL}"\ndatabase_password_file = "/etc/homeport/production.password"')
    assert "LoadCredential=database-password:/etc/homeport/production.password\n" in unit_of(declared)


@pytest.mark.parametrize(
    ("url", "first"),
    [
        (URL, "network-online.target"),
        ("postgresql://u@/d?host=/run/postgresql", "network.target postgresql.service"),
        ("postgresql://u@127.0.0.1/d", "network.target postgresql.service"),
    ],
)
def test_the_unit_begins_after_what_leads_to_its_database(url: str, first: str) -> None:
    (after,) = (line for line in unit_of(production(f'database = "{url}"')).splitlines() if line.startswith("After="))
    assert after.endswith(first)
