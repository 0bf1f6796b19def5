"""How long work shows that it goes on: one line that is rewritten on a terminal, a line for each stage elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final, TextIO

from homeport.environments.words import size

_EVERY: Final = 0.1


class ProgressLine:
    """Told of stages and of bytes done in them.

    Args:
        stream: where; stderr by default.
        monotonic: seconds.
    """

    def __init__(self, stream: TextIO | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._monotonic = monotonic
        self._stage = ""
        self._done = 0
        self._shown_at = 0.0
        self._rewrites = self._stream.isatty()

    def __call__(self, stage: str, count: int) -> None:
        """So many bytes more of a stage are done; a new stage begins by being told of."""
        if stage != self._stage:
            self.close()
            self._stage, self._done, self._shown_at = stage, 0, 0.0
            if not self._rewrites:
                self._stream.write(f"{stage}\n")
                self._stream.flush()
        self._done += count
        now = self._monotonic()
        if self._rewrites and now - self._shown_at >= _EVERY:
            self._shown_at = now
            self._stream.write(f"\r\x1b[K{stage}: {size(self._done)}")
            self._stream.flush()

    def close(self) -> None:
        """The last line is left as it is."""
        if self._rewrites and self._stage:
            self._stream.write(f"\r\x1b[K{self._stage}: {size(self._done)}\n")
            self._stream.flush()
        self._stage = ""
