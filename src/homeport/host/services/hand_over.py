"""Becomes a program that is handed listening sockets, as systemd hands them over.

Run as a program of its own, by its path and with the standard library alone: ``hand_over.py DESCRIPTORS PROGRAM ...``.
Between fork and exec nobody else can know the pid that ``LISTEN_PID`` must have.
"""

from __future__ import annotations

import fcntl
import os
import sys

FIRST = 3
"""The number of the first descriptor that is handed over; the others follow it."""
_ASIDE = 100


def main() -> None:
    """Puts the descriptors in their places, says whose they are, and becomes the program."""
    given = [int(one) for one in sys.argv[1].split(",")]
    # One of them may stand where another one is to be.
    aside = [fcntl.fcntl(one, fcntl.F_DUPFD, _ASIDE) for one in given]
    for place, one in enumerate(aside, FIRST):
        os.dup2(one, place)
        os.close(one)
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = str(len(given))
    try:
        os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - there is no shell, and none is wanted
    except OSError as error:
        sys.exit(f"{sys.argv[2]} cannot be run: {error.strerror}")


if __name__ == "__main__":
    main()
