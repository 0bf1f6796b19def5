"""What libpq says of a connection that failed, made fit to be read."""

from __future__ import annotations

import psycopg
import pytest

from homeport.storage.postgres.connection import one_line

REFUSED = """\
connection failed: connection to server at "127.0.0.1", port 5432 failed: Connection refused
\tIs the server running on that host and accepting TCP/IP connections?
Multiple connection attempts failed. All failures were:
- host: 'localhost', port: None, hostaddr: '::1': connection failed: connection to server at "::1", port 5432 failed: \
Connection refused
- host: 'localhost', port: None, hostaddr: '127.0.0.1': connection failed: connection to server at "127.0.0.1", port \
5432 failed: Connection refused"""
WRONG = """\
connection failed: connection to server at "::1", port 5432 failed: FATAL:  password authentication failed for \
user "ada"
connection to server at "::1", port 5432 failed: FATAL:  password authentication failed for user "ada\""""


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (REFUSED, 'connection to server at "127.0.0.1", port 5432 failed: Connection refused'),
        (
            WRONG,
            'connection to server at "::1", port 5432 failed: FATAL: password authentication failed for user "ada"',
        ),
        ("connection timeout expired", "connection timeout expired"),
        ('ERROR:  no such column\nLINE 1: SELECT "a"', 'ERROR: no such column LINE 1: SELECT "a"'),
    ],
)
def test_a_fault_is_said_once_for_all_addresses_and_tries(said: str, line: str) -> None:
    assert one_line(psycopg.OperationalError(said)) == line
