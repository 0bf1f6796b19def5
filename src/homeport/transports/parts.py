"""What the SDK's side of the server is put together from."""

from __future__ import annotations

from dataclasses import dataclass

from homeport.operations.dispatcher import Dispatcher
from homeport.transports.deferrals import Deferrals
from homeport.transports.elsewhere import Elsewhere
from homeport.transports.extension import Extension
from homeport.transports.log import Log
from homeport.transports.places import Places
from homeport.transports.results import Results
from homeport.transports.subscriptions import Subscriptions


@dataclass(frozen=True, slots=True)
class Parts:
    """Handed from the site to the SDK's side, once it is loaded.

    Attributes:
        dispatcher: runs the operations.
        results: builds what ``tools/call`` answers.
        instructions: for the model.
        subscriptions: who wants to be told of what.
        places: for streams.
        extension: more than the catalogue has.
        log: learns of failures.
        deferrals: calls that are answered later.
        elsewhere: those of other servers.
    """

    dispatcher: Dispatcher
    results: Results
    instructions: str
    subscriptions: Subscriptions
    places: Places
    extension: Extension
    log: Log
    deferrals: Deferrals
    elsewhere: Elsewhere
