"""Steps of adopting a server that was started by hand, and of putting it back; see :mod:`homeport.host.adoption`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar

from homeport.environments.steps import Step, step_kind


@step_kind
@dataclass(frozen=True, slots=True)
class KeepProcess(Step):
    """A file from which a process can be started again as it was: arguments, directory, user, variables.

    The file may hold secrets, which a process's variables often are: its mode is 0600, and nothing of it is in a plan,
    in a journal or in an argument.

    Attributes:
        pid: of the process.
        started: when it began, in ticks since the machine booted.
        file: to be written.
    """

    pid: int
    started: int
    file: PurePosixPath

    def __str__(self) -> str:
        return f"write down how process {self.pid} was started, for root's eyes, into {self.file}"


@step_kind
@dataclass(frozen=True, slots=True)
class StopProcess(Step):
    """A process that was started by hand has ended, with its children: asked first, killed after so many seconds.

    Attributes:
        pid: of the process.
        started: as in :class:`KeepProcess`: another process of that number is left alone.
        file: from which it is started again where this is taken back.
        data: its data directory.
        other_user: whose files in there are then given back to its owner.
        seconds: it has to end by itself.
    """

    pid: int
    started: int
    file: PurePosixPath
    data: PurePosixPath
    other_user: str
    seconds: float = 35.0

    def __str__(self) -> str:
        return f"end process {self.pid}, which was started by hand; from here on nobody answers"


@step_kind
@dataclass(frozen=True, slots=True)
class RestoreProcess(Step):
    """A process that was started by hand runs again as it did, and listens where it did.

    Attributes:
        file: that :class:`KeepProcess` wrote.
        data: its data directory.
        other_user: whose files in there are first given to the directory's owner, so that it can open them.
        seconds: until it listens.
    """

    file: PurePosixPath
    data: PurePosixPath
    other_user: str
    seconds: float = 60.0

    def __str__(self) -> str:
        return f"start again what was started by hand, as {self.file} has it"


@step_kind
@dataclass(frozen=True, slots=True)
class StopRestored(Step):
    """What :class:`RestoreProcess` started has ended."""

    file: PurePosixPath
    seconds: float = 35.0

    def __str__(self) -> str:
        return f"end what was started again as {self.file} has it"


@step_kind
@dataclass(frozen=True, slots=True)
class ForgetProcess(Step):
    """The file that :class:`KeepProcess` wrote is gone. Never taken back: its text would have to be kept for that."""

    reversible: ClassVar[bool] = False
    file: PurePosixPath

    def __str__(self) -> str:
        return f"remove {self.file}"


@step_kind
@dataclass(frozen=True, slots=True)
class RetireUnit(Step):
    """A unit of somebody's that neither runs nor starts with the machine."""

    unit: str

    def __str__(self) -> str:
        return f"{self.unit}: stop, and not have it start with the machine"


@step_kind
@dataclass(frozen=True, slots=True)
class ReviveUnit(Step):
    """A unit as it was before it was retired; whether it comes up is not waited for, since it may never have.

    Attributes:
        enabled: whether it starts with the machine.
        active: whether it runs, or tries to.
    """

    unit: str
    enabled: bool
    active: bool

    def __str__(self) -> str:
        return f"{self.unit}: as it was"


@step_kind
@dataclass(frozen=True, slots=True)
class NoteData(Step):
    """What is in a data directory is remembered until :class:`CheckData`; changes nothing."""

    data: PurePosixPath

    def __str__(self) -> str:
        return f"look at every file and table in {self.data}"


@step_kind
@dataclass(frozen=True, slots=True)
class CheckData(Step):
    """Everything that was there when it was noted is there still, and what the backup has is a part of it.

    Attributes:
        data: the directory.
        environment: whose.
        backup: made at the beginning.
    """

    data: PurePosixPath
    environment: str
    backup: str

    def __str__(self) -> str:
        return f"compare {self.data} with what was there before, and with the backup {self.backup}"


@step_kind
@dataclass(frozen=True, slots=True)
class PackStale(Step):
    """A directory that nobody uses is in an archive that was read back, with its checksum beside it.

    Attributes:
        directory: to be packed; links and the like in it are refused.
        archive: to be written, and beside it the same name with ``.sha256``.
        environment: whose directory of backups it goes to.
        backup: the id in its manifest.
    """

    directory: PurePosixPath
    archive: PurePosixPath
    environment: str
    backup: str

    def __str__(self) -> str:
        return f"pack {self.directory} into {self.archive}, and compare the two byte for byte"


@step_kind
@dataclass(frozen=True, slots=True)
class RemovePacked(Step):
    """An archive that was made for a directory which stays after all is gone."""

    archive: PurePosixPath

    def __str__(self) -> str:
        return f"remove {self.archive}"
