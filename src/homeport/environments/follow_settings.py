"""Which branches are brought to an environment by themselves, and whence: the table ``[environments.NAME.follow]``."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_PATTERN: Final = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9_./+*-]*")
_SCHEDULE: Final = re.compile(r"[A-Za-z0-9*:/,.~ -]{1,100}")


def _pattern(value: str) -> str:
    if not _PATTERN.fullmatch(value) or ".." in value or value.endswith((".lock", "/", ".")):
        raise ValueError(f'"{value}" is not the name of a branch, in which * stands for anything')
    return value


def _remote(value: str) -> str:
    # git takes what begins with a dash for an option, and ext:: for a program to run.
    if value.startswith("-") or "::" in value or any(ord(one) < 33 or ord(one) == 127 for one in value):
        raise ValueError(f'"{value}" is not the address of a git repository')
    return value


def _schedule(value: str) -> str:
    if value and not _SCHEDULE.fullmatch(value):
        raise ValueError(f'"{value}" is no time for a timer, such as "*-*-* *:00/5:00"; "" is never')
    return value


def _file(value: str) -> str:
    if value and (not value.isprintable() or value.startswith("~")):
        raise ValueError(f'"{value}" is not the path of a file: write the whole path')
    return value


class FollowSettings(BaseModel):
    """Nothing is followed where nothing is declared."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    branches: list[Annotated[str, AfterValidator(_pattern)]] = Field(
        [],
        description='Branches that are brought here by themselves, to the checkout or as a release: ["main", '
        '"feature/*"]. They come by a push to the repository that homeport repository makes, by homeport poll, or by a '
        "signed webhook. None is the default, of production too.",
    )
    remote: Annotated[str, AfterValidator(_remote)] = Field(
        "",
        description="The git repository that poll and webhook ask; by default the one that the checkout or the source "
        "was cloned from (origin). No password here: git asks its own credential helper, or ssh its keys.",
    )
    poll_schedule: Annotated[str, AfterValidator(_schedule)] = Field(
        "",
        description='When a timer asks the remote (OnCalendar= of systemd): "*-*-* *:00/5:00" is every five minutes.',
    )
    webhook_secret: Annotated[str, AfterValidator(_file)] = Field(
        "",
        description="A file with the secret that the forge signs its webhooks with, for the server's user alone. The "
        "server then takes them at /hooks/push (GitHub, GitLab, Gitea and Forgejo), and only notes what is asked for.",
    )
