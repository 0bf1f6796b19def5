"""Callers that ask how a server is, each time over a new connection, for as long as the block of :class:`Asking` runs.

Standard library alone, since it also runs as a program: ``asking.py URL`` asks until its standard input ends, and
prints one JSON object then.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from typing import Any, Final, Self
from urllib.parse import urlsplit

CALLERS: Final = 4
PATIENCE: Final = 60.0
PAUSE: Final = 0.02


class Asking:
    """``found`` is what they saw: how often they were answered, each time that they were not, the longest wait.

    Args:
        url: what they ask.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._process: subprocess.Popen[str] | None = None
        self.found: dict[str, Any] = {}

    def __enter__(self) -> Self:
        command = [sys.executable, __file__, self._url]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *__: object) -> None:
        assert self._process is not None
        said, _ = self._process.communicate(timeout=2 * PATIENCE)
        self.found = json.loads(said)


def _ask(host: str, path: str, over: threading.Event, waits: list[float], failed: list[str]) -> None:
    while not over.wait(PAUSE):
        began = time.monotonic()
        said = _answer(host, path)
        waited = time.monotonic() - began
        if said == "200":
            waits.append(waited)
        else:
            failed.append(f"after {waited:.2f} s: {said}")


def _answer(host: str, path: str) -> str:
    connection = http.client.HTTPConnection(host, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()
    return str(answer.status)


def main(url: str) -> None:
    """Asks until standard input ends."""
    parts = urlsplit(url)
    over, waits, failed = threading.Event(), list[float](), list[str]()
    threads = [
        threading.Thread(target=_ask, args=(parts.netloc, parts.path, over, waits, failed)) for _ in range(CALLERS)
    ]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    over.set()
    for thread in threads:
        thread.join()
    sys.stdout.write(json.dumps({"answered": len(waits), "failed": failed, "longest": round(max(waits), 3)}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
