"""The table ``[environments.NAME.backup]``: where backups go, how many stay, and when their absence is an alarm."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from homeport.environments.backups.retention import Retention

_RECIPIENT: Final = re.compile(r"age1[02-9ac-hj-np-z]{58}")
_SCHEMES: Final = ("s3", "sftp")


def _count(value: int) -> int:
    if value < 0:
        raise ValueError(f"{value} is not a number of backups")
    return value


def _minimum(value: int) -> int:
    if value < 1:
        raise ValueError(f"{value} would let the last good backup go; keep at least 1")
    return value


def _hours(value: int) -> int:
    if value < 0:
        raise ValueError(f"{value} is not a number of hours; 0 is no limit")
    return value


def _percent(value: int) -> int:
    if not 0 <= value <= 100:
        raise ValueError(f"{value} is not a percentage from 0 to 100")
    return value


def _place(value: str) -> str:
    if value.startswith("/") and value.isprintable():
        return value
    if re.fullmatch(r"rclone:[A-Za-z0-9_. +@-]+:[^\x00-\x1f]*", value):
        return value
    parts = urlsplit(value)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError(
            f'"{value}" is no place: write /a/directory, s3://bucket/prefix, sftp://user@host/path '
            "or rclone:remote:path"
        )
    if parts.password is not None:
        raise ValueError("holds a password; put it into the file that credentials names")
    return value


def _recipient(value: str) -> str:
    if value.upper().startswith("AGE-SECRET-KEY-"):
        raise ValueError("holds a secret key, which does not belong here; age-keygen -y prints its public key")
    if not _RECIPIENT.fullmatch(value):
        raise ValueError(f'"{value}" is no age public key; age-keygen prints one that begins with age1')
    return value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError(f'"{value}" is not a URL of http or https')
    return value


def _file(value: str) -> str:
    if value and (not value.startswith("/") or not value.isprintable()):
        raise ValueError(f'"{value}" is not the absolute path of a file')
    return value


def _directory(value: str) -> str:
    if value and (not re.fullmatch(r"/[^\x00-\x1f\x7f]+", value)):
        raise ValueError(f'"{value}" is not the absolute path of a directory')
    return value


def _argument(value: str) -> str:
    if not value or any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise ValueError("an argument is one or more printable characters")
    return value


def _some_hours(value: int) -> int:
    if value < 1:
        raise ValueError(f"{value} is not a number of hours from 1 up")
    return value


def _prom(value: str) -> str:
    if value and not _file(value).endswith(".prom"):
        raise ValueError(f'"{value}" does not end with .prom, so that node_exporter would not read it')
    return value


Count = Annotated[int, AfterValidator(_count)]
Hours = Annotated[int, AfterValidator(_hours)]


class BackupSettings(BaseModel):
    """How an environment's data are protected, as it was declared."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    places: list[Annotated[str, AfterValidator(_place)]] = Field(
        [],
        description="Where each backup is copied to besides the directory of backups, and read back from: a directory "
        "on another disk, s3://bucket/prefix, sftp://user@host/path, rclone:remote:path. Without one that is not on "
        "the data's own disk, one dead disk takes data and backups together; doctor says so.",
    )
    credentials: Annotated[str, AfterValidator(_file)] = Field(
        "",
        description="A TOML file of mode 0600 with what the places ask for: a table for each, named by the place.",
    )
    recipients: list[Annotated[str, AfterValidator(_recipient)]] = Field(
        [],
        description="age public keys. With one or more, archives are sealed to them: this machine can write backups "
        "and cannot read them, so restore and drill ask for the key (--identity FILE, or HOMEPORT_AGE_IDENTITY).",
    )
    identity: Annotated[str, AfterValidator(_file)] = Field(
        "",
        description="A file of mode 0600 with the age key that opens sealed backups, where drills shall run by "
        "themselves. Whoever has this machine then has the backups too.",
    )
    drill_command: list[Annotated[str, AfterValidator(_argument)]] = Field(
        [],
        description="Only for a server that is not Homeport's own: how a drill starts it on a copy of its data, which "
        "stands where {data} does, and on a port of 127.0.0.1 for {port}, where its health is asked. Without it a "
        "drill unpacks and examines the files alone, and says so.",
    )
    drill_variables: dict[str, Annotated[str, AfterValidator(_argument)]] = Field(
        {},
        description="What that server finds in its environment, where {data} and {port} may stand too: { DATA_DIR = "
        '"{data}", PORT = "{port}" }. It finds none of variables, which name the live data.',
    )
    keep_last: Count = Field(
        30,
        description="How many of the newest backups stay. Every six hours, 30 of them reach back a week.",
    )
    keep_hourly: Count = Field(0, description="The newest of each of so many hours stays.")
    keep_daily: Count = Field(0, description="The newest of each of so many days stays.")
    keep_weekly: Count = Field(4, description="The newest of each of so many weeks stays.")
    keep_monthly: Count = Field(
        6, description="The newest of each of so many months stays: some faults are noticed only after weeks."
    )
    keep_minimum: Annotated[int, AfterValidator(_minimum)] = Field(
        3, description="So many good backups are always left, whatever the other rules say."
    )
    max_age_hours: Hours = Field(
        13,
        description="A last good backup that is older is an alarm: two runs of the schedule and an hour. 0 is no "
        "limit.",
    )
    drill_max_age_hours: Hours = Field(
        8 * 24, description="A last good drill that is older is an alarm. 0 is no limit."
    )
    shrink_percent: Annotated[int, AfterValidator(_percent)] = Field(
        40,
        description="A backup that holds so many percent less than the one before it is an alarm: data are rarely "
        "taken back. 0 is no limit.",
    )
    continuous: Annotated[str, AfterValidator(_directory)] = Field(
        "",
        description="A directory, on another disk, in which Litestream keeps a replica of the database that is seconds "
        "behind it; homeport restore --at TIME then finds any moment of the last continuous_hours. Off by default: it "
        "is a second program that writes beside the server. Worth it where an hour of work must not be lost; it stands "
        "beside backups, never in place of them.",
    )
    continuous_hours: Annotated[int, AfterValidator(_some_hours)] = Field(
        72, description="How far back the replica reaches. Its disk holds every change of that time."
    )
    litestream: Annotated[str, AfterValidator(_file)] = Field(
        "", description="The program litestream, 0.5.17 or newer; by default the one that is found on PATH."
    )
    metrics_file: Annotated[str, AfterValidator(_prom)] = Field(
        "",
        description="A file of metrics that is written after every backup, drill and look of the doctor, for the "
        "textfile collector of node_exporter: /var/lib/node_exporter/homeport-production.prom. Its directory must "
        "exist.",
    )
    heartbeat: Annotated[str, AfterValidator(_url)] = Field(
        "",
        description="A URL that is called after a backup or drill only while all is well; a monitor that is no longer "
        "called raises the alarm, also when this whole machine is gone.",
    )
    alarm_url: Annotated[str, AfterValidator(_url)] = Field(
        "",
        description="A URL that gets a JSON document by POST when something is not well, and once more when it is "
        "again. The people's inbox gets a message in any case, and a program that alarm names is run.",
    )

    @property
    def retention(self) -> Retention:
        """The rules of what stays."""
        return Retention(
            last=self.keep_last,
            hourly=self.keep_hourly,
            daily=self.keep_daily,
            weekly=self.keep_weekly,
            monthly=self.keep_monthly,
            minimum=self.keep_minimum,
        )
