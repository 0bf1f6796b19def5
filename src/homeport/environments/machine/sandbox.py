"""What a server may do on the machine: nothing but answer, call webhooks, and write its own data."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from homeport.environments.environment import Environment
from homeport.environments.machine.program import Program
from homeport.environments.machine.unit_text import Setting, word_list

_HOMES: Final = (PurePosixPath("/home"), PurePosixPath("/root"), PurePosixPath("/run/user"))

_ALWAYS: Final = (
    ("NoNewPrivileges", "yes"),
    ("CapabilityBoundingSet", ""),
    ("AmbientCapabilities", ""),
    ("UMask", "0077"),
    ("LimitNOFILE", "65536"),
    # A dump of its memory would hold messages and tokens.
    ("LimitCORE", "0"),
    ("ProtectSystem", "strict"),
    ("PrivateTmp", "yes"),
    ("PrivateDevices", "yes"),
    ("DevicePolicy", "closed"),
    ("PrivateUsers", "yes"),
    ("PrivateIPC", "yes"),
    ("PrivateMounts", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectProc", "invisible"),
    ("ProcSubset", "pid"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("LockPersonality", "yes"),
    ("RemoveIPC", "yes"),
    ("KeyringMode", "private"),
    # Not closed further, since agents' webhooks are anywhere: a network of its own, or a list of addresses.
    ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"),
    ("SystemCallArchitectures", "native"),
    ("SystemCallFilter", "@system-service"),
    ("SystemCallFilter", "~@privileged @resources"),
    # A library that tries a call which it can do without gets an error, and is not killed for it.
    ("SystemCallErrorNumber", "EPERM"),
)


def sandbox(
    environment: Environment, program: Program, writes: tuple[PurePosixPath, ...] | None = None
) -> tuple[Setting, ...]:
    """The lines of the server's unit that close it in; the probe of a candidate runs in the very same.

    Args:
        environment: whose.
        program: what it runs.
        writes: what it writes; by default what the server does.
    """
    written = written_paths(environment) if writes is None else writes
    service = environment.service
    reads = (program.file, *program.reads, *map(PurePosixPath, (program.words[0], *service.command[:1])))
    places = (service.working_directory, service.checkout) if environment.is_foreign or service.checkout else ()
    releases = (environment.releases_directory,) if service.source is not None else ()
    needed = (*written, *reads, *releases, *(place for place in places if place is not None))
    return (
        ("User", environment.user),
        ("Group", environment.user),
        *_ALWAYS,
        # Others may be of those that write their own machine code: Node, Java, and what has libffi.
        *([] if environment.is_foreign else [("MemoryDenyWriteExecute", "yes")]),
        # A directory below a home is still seen, and only what is named is written.
        ("ProtectHome", "read-only" if any(_is_in_a_home(path) for path in needed) else "yes"),
        ("ReadWritePaths", word_list(str(path) for path in written)),
        # What the server has no business with, though its user may be able to read it.
        ("InaccessiblePaths", word_list([f"-{environment.backups_directory}"])),
    )


def written_paths(environment: Environment) -> tuple[PurePosixPath, ...]:
    """What its server writes; all else is read-only to it."""
    requests = (environment.requests_directory,) if environment.takes_webhooks else ()
    return (environment.data_directory, environment.logs_directory, *requests)


def bringing_sandbox() -> tuple[Setting, ...]:
    """For what brings branches: it installs what a commit asks for and restarts servers; the system it leaves alone."""
    return tuple(
        (key, "full" if key == "ProtectSystem" else value)
        for key, value in upkeep_sandbox(())
        if key not in ("ReadWritePaths", "UMask")
    )


def upkeep_sandbox(writes: Iterable[PurePosixPath | str]) -> tuple[Setting, ...]:
    """For what root does on a timer: it reads everything, and writes where it is meant to."""
    return (
        ("NoNewPrivileges", "yes"),
        ("UMask", "0077"),
        ("LimitCORE", "0"),
        ("ProtectSystem", "strict"),
        ("ReadWritePaths", word_list(str(path) for path in writes)),
        ("PrivateTmp", "yes"),
        ("ProtectKernelTunables", "yes"),
        ("ProtectKernelModules", "yes"),
        ("ProtectKernelLogs", "yes"),
        ("ProtectClock", "yes"),
        ("RestrictRealtime", "yes"),
        ("RestrictSUIDSGID", "yes"),
        ("LockPersonality", "yes"),
        ("SystemCallArchitectures", "native"),
    )


def _is_in_a_home(path: PurePosixPath) -> bool:
    return any(path.is_relative_to(home) for home in _HOMES)
