"""Becomes another program that the kernel kills when the process that started it ends.

Run as a program of its own, by its path and with the standard library alone: ``bound.py PARENT PROGRAM ARGUMENT...``.
A Litestream whose keeper was killed would go on unwatched while a directory is exchanged under it, and a server on a
copy of data would outlive its drill.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Binds itself, then becomes the program."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(sys.argv[1]):
        return 0
    try:
        os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - there is no shell
    except OSError as error:
        sys.stderr.write(f"{sys.argv[2]} cannot be run: {error.strerror}\n")
    return 127


if __name__ == "__main__":
    sys.exit(main())
