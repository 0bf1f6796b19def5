"""A machine with systemd and nginx: what it holds, and the hands that change it."""

from __future__ import annotations

from homeport.host.carrying import all_hands
from homeport.host.hands import Hands
from homeport.host.hands.commands import COMMAND_HANDS
from homeport.host.hands.files import FILE_HANDS
from homeport.host.machine.judging import JUDGING_HANDS
from homeport.host.machine.nginx import NGINX_HANDS
from homeport.host.machine.owning import OWNING_HANDS
from homeport.host.machine.units import UNIT_HANDS

MACHINE_HANDS: Hands = all_hands(FILE_HANDS, COMMAND_HANDS, OWNING_HANDS, UNIT_HANDS, JUDGING_HANDS, NGINX_HANDS)
"""For every step of provision, and of what may have been left open before it."""
