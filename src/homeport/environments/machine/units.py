"""The systemd units of an environment: sockets that stay, a service in two slots, and what is done when it fails."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from homeport.contract import HTTP_SOCKET, SSE_SOCKET, ExitCode
from homeport.database_url import parse_database_url
from homeport.environments.environment import Environment
from homeport.environments.machine.program import Program
from homeport.environments.machine.sandbox import sandbox, written_paths
from homeport.environments.machine.unit_text import Setting, command_line, plain, render_unit, word_list
from homeport.environments.services.commands import serve_command

UNITS_DIRECTORY: Final = PurePosixPath("/etc/systemd/system")
SLOTS: Final = ("blue", "green")
"""Two of one service, so that the next release answers before the last one ends; the first starts with the machine."""
PROBE_SOCKET: Final = "probe.sock"
"""In the runtime directory of a slot: where it is asked before it gets the ports."""

STARTS: Final = 3
"""So many within :data:`STARTS_SECONDS`, and it has failed for good. All of these must fit into that time, also where
each start hangs for as long as it may."""
STARTS_SECONDS: Final = 120
_START_SECONDS: Final = 36
_RESTART_SECONDS: Final = 2
_STOP_SECONDS: Final = 30
"""The server gives requests under way 25 seconds."""
_WATCHDOG_SECONDS: Final = 30
_MEMORY: Final = {True: "75%", False: "50%"}
"""Of the machine's, by whether the environment is protected: one that eats memory must not take it from the others."""
_SLOT: Final = "@SLOT@"
"""Stands for the slot until its specifier is put in, which would else be escaped."""


def head_of(environment: Environment) -> str:
    """The first line of every file that is made for an environment."""
    return f"Written by homeport provision {environment.name}, from homeport.toml. What is changed here is drift."


def unit_texts(environment: Environment, program: Program) -> dict[str, str]:
    """The units that run the server, by name."""
    texts = {
        environment.service_unit: _service(environment, program),
        failed_unit(environment): _failed(environment),
    }
    names = zip(socket_units(environment), environment.ports.values(), (HTTP_SOCKET, SSE_SOCKET), strict=False)
    texts |= {unit: _socket(environment, port, name) for unit, port, name in names}
    texts |= {unit: _replica(environment, program) for unit in replica_units(environment)}
    return texts


def socket_units(environment: Environment) -> tuple[str, ...]:
    """The sockets that it needs; a server that is not ours opens its own."""
    if environment.is_foreign:
        return ()
    return (environment.socket_unit, *([environment.sse_socket_unit] if environment.sse_port is not None else []))


def slot_units(environment: Environment) -> tuple[str, ...]:
    """The services that may run its server."""
    return tuple(environment.slot_unit(slot) for slot in SLOTS)


def replica_units(environment: Environment) -> tuple[str, ...]:
    """What keeps the declared replica: one unit, or none."""
    return (f"{environment.unit}-replica.service",) if environment.replica_directory is not None else ()


def failed_unit(environment: Environment) -> str:
    """The template of what runs when a unit has failed for good."""
    return f"{environment.unit}-failed@.service"


def on_failure(environment: Environment) -> tuple[str, str]:
    """The line that calls it."""
    return ("OnFailure", f"{environment.unit}-failed@%N.service")


def failure_mark(environment: Environment) -> PurePosixPath:
    """A file whose time is that of the last failure for good."""
    return environment.journal_directory / "failed"


def _socket(environment: Environment, port: int, name: str) -> str:
    address = f"[{environment.listen}]" if ":" in environment.listen else environment.listen
    return render_unit(
        head_of(environment),
        [
            ("Unit", [("Description", plain(f"Homeport, {environment.name}: port {port} ({name})"))]),
            (
                "Socket",
                [
                    ("ListenStream", f"{address}:{port}"),
                    ("FileDescriptorName", name),
                    ("Service", environment.slot_unit(SLOTS[0])),
                    ("Backlog", "2048"),
                    # An address that the machine gets later is no reason not to listen.
                    ("FreeBind", "yes"),
                ],
            ),
            ("Install", [("WantedBy", "sockets.target")]),
        ],
    )


def _service(environment: Environment, program: Program) -> str:
    return render_unit(
        head_of(environment),
        [
            ("Unit", _service_unit(environment)),
            ("Service", [*_running(environment, program), *_failing(), *sandbox(environment, program)]),
            ("Install", [("WantedBy", "multi-user.target"), ("DefaultInstance", SLOTS[0])]),
        ],
    )


def _service_unit(environment: Environment) -> list[Setting]:
    sockets = " ".join(socket_units(environment))
    return [
        ("Description", plain(f"Homeport, {environment.name}: ") + "slot %i"),
        *([("Requires", sockets)] if sockets else []),
        ("After", f"{sockets} {_comes_first(environment)}".strip()),
        ("RequiresMountsFor", word_list(str(path) for path in written_paths(environment))),
        ("StartLimitIntervalSec", str(STARTS_SECONDS)),
        ("StartLimitBurst", str(STARTS)),
        on_failure(environment),
    ]


def _comes_first(environment: Environment) -> str:
    """What is begun before its server, where the machine starts: a database on it, or the way to one elsewhere.

    An order and no more: a server waits for a database that comes later.
    """
    if environment.database is None:
        return "network.target"
    local = parse_database_url(environment.database.url).is_on_this_machine
    return "network.target postgresql.service" if local else "network-online.target"


def _running(environment: Environment, program: Program) -> list[Setting]:
    """How the server is started: ours with its sockets, and it says when it is ready; another one as it is."""
    runtime = f"{environment.unit}-%i"
    serve = _serve(environment, program)
    variables = environment.service.variables
    common: list[Setting] = [
        ("RuntimeDirectory", runtime),
        ("RuntimeDirectoryMode", "0700"),
        *(("Environment", word_list([f"{name}={value}"])) for name, value in variables),
        *(("LoadCredential", word_list([f"{name}:{file}"])) for name, file in environment.credentials),
        ("SyslogIdentifier", environment.unit),
        ("MemoryMax", _MEMORY[environment.protected]),
    ]
    if environment.is_foreign:
        return [
            ("Type", "exec"),
            ("ExecStart", serve),
            ("WorkingDirectory", plain(environment.service.working_directory)),
            # Node and the JVM end with this one when they were told to end.
            ("SuccessExitStatus", "143"),
            *common,
        ]
    return [
        ("Type", "notify"),
        ("NotifyAccess", "main"),
        ("ExecStart", f"{serve} --standby --also-socket %t/{runtime}/{PROBE_SOCKET}"),
        ("WorkingDirectory", "/"),
        ("Sockets", " ".join(socket_units(environment))),
        ("WatchdogSec", str(_WATCHDOG_SECONDS)),
        *common,
    ]


def _replica(environment: Environment, program: Program) -> str:
    writes = (environment.data_directory, environment.replication_directory, environment.replica_directory)
    written = tuple(path for path in writes if path is not None)
    return render_unit(
        head_of(environment),
        [
            (
                "Unit",
                [
                    ("Description", plain(f"Homeport, {environment.name}: the replica of its database")),
                    ("RequiresMountsFor", word_list(str(path) for path in written)),
                    ("StartLimitIntervalSec", str(STARTS_SECONDS)),
                    ("StartLimitBurst", str(STARTS)),
                    on_failure(environment),
                ],
            ),
            (
                "Service",
                [
                    ("Type", "exec"),
                    ("ExecStart", command_line(program.command("replicate", environment.name))),
                    ("SyslogIdentifier", f"{environment.unit}-replica"),
                    ("WorkingDirectory", "/"),
                    *_failing(),
                    *sandbox(environment, program, written),
                    # A directory is all that it needs.
                    ("PrivateNetwork", "yes"),
                ],
            ),
            ("Install", [("WantedBy", "multi-user.target")]),
        ],
    )


def _serve(environment: Environment, program: Program) -> str:
    """The server's command. Each slot goes by a link of its own, so that what runs does not change under its feet."""
    if not environment.runs_releases:
        return command_line(serve_command(environment, program.file, PurePosixPath(program.words[0])))
    python = environment.slot_link(_SLOT) / "bin" / "python"
    return command_line(serve_command(environment, program.file, python)).replace(_SLOT, "%i", 1)


def _failing() -> list[Setting]:
    return [
        ("Restart", "always"),
        ("RestartSec", str(_RESTART_SECONDS)),
        ("RestartPreventExitStatus", str(int(ExitCode.CANNOT_START))),
        ("TimeoutStartSec", str(_START_SECONDS)),
        ("TimeoutStopSec", str(_STOP_SECONDS)),
        ("KillMode", "mixed"),
        ("OOMPolicy", "stop"),
    ]


def _unless_another_serves(environment: Environment) -> list[Setting]:
    """A slot that was to take over and did not come up is told by whoever started it: what serves goes on serving."""
    conditions = []
    for slot, other in zip(SLOTS, reversed(SLOTS), strict=True):
        probe = f"/run/{environment.unit}-{other}/{PROBE_SOCKET}"
        conditions.append(("ExecCondition", f"/usr/bin/test %i != {environment.unit}@{slot} -o ! -S {probe}"))
    return [] if environment.is_foreign else conditions


def _failed(environment: Environment) -> str:
    said = f"homeport: %i has failed for good; homeport doctor {environment.name} says why"
    alarm = [("ExecStart", f"{command_line(environment.alarm)} %i")] if environment.alarm else []
    return render_unit(
        head_of(environment),
        [
            ("Unit", [("Description", plain(f"Homeport, {environment.name}: ") + "%i has failed for good")]),
            (
                "Service",
                [
                    ("Type", "oneshot"),
                    *_unless_another_serves(environment),
                    (
                        "ExecStart",
                        f'/usr/bin/systemd-cat --identifier={environment.unit} --priority=alert echo "{said}"',
                    ),
                    ("ExecStart", command_line(["/usr/bin/touch", str(failure_mark(environment))])),
                    *alarm,
                    ("TimeoutStartSec", "60"),
                ],
            ),
        ],
    )
