"""Servers that were started by hand: found, kept as they are, ended and started again, and their data compared."""

from __future__ import annotations

from homeport.host.adoption.processes import PROCESS_HANDS
from homeport.host.adoption.stale import STALE_HANDS
from homeport.host.adoption.units import RETIRING_HANDS
from homeport.host.carrying import all_hands
from homeport.host.hands import Hands

ADOPTION_HANDS: Hands = all_hands(PROCESS_HANDS, RETIRING_HANDS, STALE_HANDS)
"""For every step of adopting but those that look at the data: :func:`homeport.host.adoption.data.data_hands`."""
