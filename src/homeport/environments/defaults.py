"""Who is answered, and who is believed, where nothing else is declared."""

from __future__ import annotations

import ipaddress
from typing import Final

from homeport.contract import Auth
from homeport.environments.names import PRESETS
from homeport.environments.settings import EnvironmentSettings

LOCAL_PROXIES: Final = ("127.0.0.0/8", "::1", "unix")


def is_loopback(listen: str) -> bool:
    """Whether nothing but this machine reaches the address."""
    return ipaddress.ip_address(listen).is_loopback


def trusted_proxies(settings: EnvironmentSettings) -> tuple[str, ...]:
    """The declared ones; else what is on this machine, where there must be a proxy that others come by."""
    if settings.trusted_proxies is not None:
        return tuple(settings.trusted_proxies)
    return LOCAL_PROXIES if is_loopback(settings.listen) and _is_behind_a_proxy(settings) else ()


def _is_behind_a_proxy(settings: EnvironmentSettings) -> bool:
    """Whether others than this machine come in by a reverse proxy."""
    return bool(settings.allowed_hosts or settings.oauth_host or settings.proxy != "none")


def default_auth(name: str, settings: EnvironmentSettings) -> Auth:
    """Open is what is meant to be open and nothing but this machine reaches, a reverse proxy included."""
    preset = PRESETS.get(name)
    alone = is_loopback(settings.listen) and not _is_behind_a_proxy(settings)
    return "open" if preset is not None and not preset.needs_tokens and alone else "tokens"
