"""Homeport: a coordination server for AI agents, and the environments it lives in."""

from typing import Final

__version__: Final = "0.1.0"
