"""``homeport serve ENV``."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from homeport import __version__, server
from homeport.cli.declared import declaration_of
from homeport.errors import CannotStartError
from homeport.host.parent import end_with_parent
from homeport.host.ports import check_ports
from homeport.identity import check_owner


def run(arguments: Namespace) -> int:
    """Serves one environment until it is told to end.

    Raises:
        CannotStartError: the data are another's, or a port is held by another process.
    """
    if arguments.with_parent is not None:
        end_with_parent(arguments.with_parent)
    environment = declaration_of(arguments).environment(arguments.environment)
    # The data before the ports: of two things that are wrong, the one that could do harm is named.
    check_owner(Path(environment.data_directory), environment.name)
    check_ports(environment.listen, environment.ports)
    try:
        return int(server.run(environment.serve_settings(__version__, log_format=arguments.log_format)))
    except CannotStartError as error:
        if "port" in error.details:
            # Somebody was quicker since the check; it is named as it would have been then.
            check_ports(environment.listen, environment.ports)
        raise
