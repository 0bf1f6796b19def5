"""From an environment's declared settings to its value: what was not declared is filled in, here and nowhere else."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from homeport.environments.database import credentials_of, make_database
from homeport.environments.defaults import default_auth, trusted_proxies
from homeport.environments.environment import Environment
from homeport.environments.names import PRESETS
from homeport.environments.paths import absolute
from homeport.environments.proxy import Schedules, default_user, make_proxy
from homeport.environments.services.service import make_service
from homeport.environments.settings import EnvironmentSettings

RATE_LIMIT: Final = 6000
"""Requests a minute for each token where nothing else is declared: more than agents need, fewer than a wild loop."""


def make_environment(name: str, settings: EnvironmentSettings, root: PurePosixPath) -> Environment:
    """Fills what was not declared from the environment's name and from what was.

    Args:
        name: a valid environment name.
        settings: valid; has ports unless the name has a preset.
        root: absolute and normalised.
    """
    preset = PRESETS.get(name)
    http_port = settings.http_port or (preset.http_port if preset else 0)
    sse_port = settings.sse_port or (preset.sse_port if preset else None)
    protected = settings.protected if settings.protected is not None else bool(preset and preset.protected)
    directory = absolute(root, settings.directory or name)
    database = make_database(settings, root)
    auth = settings.auth or default_auth(name, settings)
    return Environment(
        name=name,
        root=root,
        directory=directory,
        data_directory=absolute(root, settings.data) if settings.data else directory / "data",
        database=database,
        backups_directory=absolute(root, settings.backups or f"{name}-backups"),
        protected=protected,
        listen=settings.listen,
        http_port=http_port,
        declared_sse_port=sse_port,
        protocols=tuple(dict.fromkeys(settings.protocols)),
        unit=settings.unit or f"homeport-{name}",
        auth=auth,
        rate_limit=settings.rate_limit if settings.rate_limit is not None else RATE_LIMIT if auth == "tokens" else 0,
        allowed_hosts=tuple(settings.allowed_hosts),
        allowed_origins=tuple(settings.allowed_origins),
        trusted_proxies=trusted_proxies(settings),
        oauth_host=settings.oauth_host or None,
        log_format=settings.log_format,
        service=make_service(settings, root, directory),
        backup=settings.backup,
        deploy=settings.deploy,
        follow=settings.follow,
        user=settings.user or default_user(settings.unit or f"homeport-{name}"),
        proxy=make_proxy(name, settings, root),
        schedules=Schedules(settings.backup_schedule, settings.drill_schedule, settings.doctor_schedule),
        credentials=(
            *((title, PurePosixPath(file)) for title, _, file in map(_halves, settings.unit_credentials)),
            *credentials_of(database),
        ),
        alarm=tuple(settings.alarm),
    )


def _halves(text: str) -> tuple[str, str, str]:
    return text.partition(":")
