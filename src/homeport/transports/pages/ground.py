"""What pages stand on."""

from __future__ import annotations

from dataclasses import dataclass

from homeport.operations.dispatcher import Dispatcher
from homeport.transports.gate import Gate
from homeport.transports.health import About
from homeport.transports.log import Log
from homeport.transports.metrics import Metrics
from homeport.transports.shares import Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What pages stand on.

    Attributes:
        dispatcher: runs the operations.
        about: what this server says of itself.
        gate: says who somebody is.
        log: learns of attempts to sign in that failed.
        protected: whether people rely on the data.
        metrics: what was asked and how long it took.
        shares: limits that hold for all servers together.
    """

    dispatcher: Dispatcher
    about: About
    gate: Gate
    log: Log
    protected: bool
    metrics: Metrics
    shares: Shares
