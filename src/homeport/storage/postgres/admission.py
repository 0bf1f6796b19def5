"""Whether a database that did not let a server in, or did not let it begin, may do so later without anybody here.

Of a connection that failed libpq says why in words alone, in the language of the database's server. What that server
sent is seen by looking on while another connection is made.
"""

from __future__ import annotations

import os
import re
import select
import sys
import time
from contextlib import suppress
from typing import Final

import psycopg
from psycopg import errors
from psycopg.pq import ConnStatus, PGconn, Ping, PollingStatus, Trace, abc, version

from homeport.contract import DatabaseAddress
from homeport.storage.postgres.connection import CONNECT_SECONDS, conninfo, one_line

_CAN_LOOK_ON: Final = sys.platform == "linux" and version() >= 180_000
"""Before libpq 18 what belongs to the beginning of a connection cannot be looked at."""
_REFUSED: Final = re.compile(rb'^B\t\d+\tErrorResponse\t S "[^"\n]*" V "[^"\n]*" C "(\w{5})"', re.MULTILINE)
_MOST_SEEN: Final = 1 << 20

_NO_ADDRESS: Final = "42601"
"""A syntax error: libpq does not even try an address with settings that are none."""
_PASSING_CLASSES: Final = ("08", "40", "53", "57")
"""SQLSTATE's first two: connections, transactions that met, what it has too little of, an administrator's hand."""
_PASSING: Final = frozenset(
    (
        "25006",  # read-only: a standby that is to be promoted, or a database whose disk is nearly full
        "25P03",  # too long between two statements
        "55000",  # no connections allowed for now
        "55006",  # in use
        "55P03",  # a lock was not free in time
        "58000",
        "58030",  # its disk did not answer
    )
)


def seen(error: psycopg.Error, address: DatabaseAddress) -> psycopg.Error:
    """An error with the database's own word on why it let nobody in, where it had one; as it is, where not.

    Args:
        error: from making or using a connection.
        address: of which it was.
    """
    if error.sqlstate is not None or not isinstance(error, psycopg.OperationalError):
        return error
    info = conninfo(address).encode()
    state = _looked_on(info) if _CAN_LOOK_ON else _asked(info)
    if state is not None:
        with suppress(KeyError):  # a state that is not PostgreSQL's own
            return errors.lookup(state)(one_line(error))
    return error


def may_pass(error: psycopg.Error) -> bool:
    """Whether what keeps a server from beginning may be over later: what :func:`seen` gave is waited for.

    What is wrong with the address, the user, the password, their rights, or what the database holds, is not.
    """
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError)
    return state in _PASSING or state.startswith(_PASSING_CLASSES)


def _asked(info: bytes) -> str | None:
    """What can be known without looking on: a server that is well refuses for good, as far as it is known here."""
    answer = PGconn.ping(info)
    if answer == Ping.NO_ATTEMPT:
        return _NO_ADDRESS
    return errors.InvalidAuthorizationSpecification.sqlstate if answer == Ping.OK else None


def _looked_on(info: bytes) -> str | None:
    """The SQLSTATE with which another connection is refused; None where none is told, or it is not refused now."""
    # It is told everything that goes over the line, so it is kept in memory and nowhere else.
    look = os.memfd_create("homeport-look")
    connection = PGconn.connect_start(info)
    try:
        if connection.status == ConnStatus.BAD:
            return _NO_ADDRESS if PGconn.ping(info) == Ping.NO_ATTEMPT else None
        connection.trace(look)
        connection.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        _connect(connection)
        connection.untrace()
        refused = _REFUSED.findall(os.pread(look, _MOST_SEEN, 0))
        if refused:
            return str(refused[-1].decode())
        return errors.InvalidPassword.sqlstate if connection.needs_password else None
    finally:
        connection.finish()
        os.close(look)


def _connect(connection: abc.PGconn) -> None:
    """Goes on with a connection until it is made, refused, or too late."""
    end = time.monotonic() + CONNECT_SECONDS
    while (state := connection.connect_poll()) in (PollingStatus.READING, PollingStatus.WRITING):
        ready = select.poll()
        ready.register(connection.socket, select.POLLIN if state == PollingStatus.READING else select.POLLOUT)
        if not ready.poll(max(0.0, end - time.monotonic()) * 1000):
            return
