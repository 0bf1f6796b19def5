"""What a server tells the service manager that started it: the datagrams of ``sd_notify``, and nothing of systemd's."""

from __future__ import annotations

import socket
from collections.abc import Callable, MutableMapping
from typing import Final

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"
WATCHDOG: Final = "WATCHDOG=1"
SEND_SECONDS: Final = 1.0
"""For a manager that is busy. Longer than that, the server has better things to do."""

Send = Callable[[bytes], None]


def status(text: str) -> str:
    """The line that ``systemctl status`` shows."""
    return f"STATUS={' '.join(text.split())}"


def extension(seconds: float) -> str:
    """Asks for so much more time to start or to stop, counted from now."""
    return f"EXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}"


def address_of(text: str) -> str | None:
    """The address of a datagram socket as ``NOTIFY_SOCKET`` names it; None for kinds that this cannot send to."""
    if text.startswith("@") and len(text) > 1:
        return f"\0{text[1:]}"
    return text if text.startswith("/") else None


def watchdog_of(seconds: str, pid: str, this_pid: int) -> float | None:
    """In which time the manager wants to hear from this process, in seconds; None where it does not."""
    digits = seconds.isascii() and seconds.isdigit() and len(seconds) < 20
    if not digits or int(seconds) == 0 or pid not in {"", str(this_pid)}:
        return None
    return int(seconds) / 1_000_000


class Manager:
    """The service manager, or nobody.

    Args:
        send: takes a datagram; may raise OSError. Without it there is nobody to tell.
        watchdog_seconds: in which time a sign of life is expected.
    """

    def __init__(self, send: Send | None = None, watchdog_seconds: float | None = None) -> None:
        self._send = send
        self.watchdog_seconds = watchdog_seconds if send is not None else None

    @property
    def present(self) -> bool:
        """Whether anybody wants to know."""
        return self._send is not None

    def tell(self, *lines: str) -> bool:
        """Sends lines in one datagram; whether it was taken."""
        if self._send is None:
            return False
        try:
            self._send("\n".join(lines).encode(errors="replace"))
        except OSError:
            # Whoever does not listen cannot be helped by a server that stops serving; the manager's own limits hold.
            return False
        return True


def manager_from(environ: MutableMapping[str, str], pid: int) -> Manager:
    """The manager that the environment names; its variables are gone afterwards: no child speaks for us."""
    address = address_of(environ.pop("NOTIFY_SOCKET", ""))
    watchdog = watchdog_of(environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", ""), pid)
    return Manager() if address is None else Manager(sender(address), watchdog)


def sender(address: str) -> Send:
    """Sends datagrams to a unix socket; there are few of them, and so none is kept open for them."""

    def send(data: bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
            one.settimeout(SEND_SECONDS)
            one.sendto(data, address)

    return send
