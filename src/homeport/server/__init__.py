"""The server half's composition root: the only place where transports, operations and storage meet.

``run`` serves one environment; the functions of ``data`` work on a data directory that no server has open.
Neither loads what only the other needs.
"""

from __future__ import annotations

from homeport.contract import ExitCode, ServeSettings


def run(settings: ServeSettings) -> ExitCode:
    """Opens the data directory and serves it until SIGTERM or SIGINT.

    Raises:
        CannotStartError: the data are another's, of a newer schema, unwritable or in use, or the port is taken.
    """
    from homeport.server.serving import serve

    return serve(settings)
