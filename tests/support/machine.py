"""A machine with real systemd and nginx, without a network: for tests of provisioning, diagnosing and adopting.

It boots in under a second, from a disk that is its own and survives a reboot; ``homeport`` is on its PATH. Its loopback
is its own too, so that ports are free to choose. Tests ask for the fixture ``machine`` (tests/system/conftest.py):

    def test_a_page_is_served(machine: Machine) -> None:
        machine.write("/var/www/html/page", "hello")
        assert machine.get("http://127.0.0.1/page").body == "hello"
        machine.run(["homeport", "--version"], user="kai")
        machine.reboot()
        machine.until(lambda: machine.answers("http://127.0.0.1/page"))
"""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from tests.support.machines import inside
from tests.support.machines.answers import Answer, Result, parse_answer
from tests.support.machines.disks import owned, wait_for_end
from tests.support.machines.enclosure import Enclosure, overlay
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

REBOOT: Final = 133  # nspawn's exit code for a machine that asks to be started again
SHOWN: Final = 150  # lines of the journal in the report of a test that failed


class Machine:
    """One machine; :func:`booted` makes it. Commands are argument lists, run as root unless a user is named."""

    def __init__(self, directory: Path, layers: Sequence[Path]) -> None:
        self.name: Final = directory.name
        self._directory: Final = directory
        self._layers: Final = tuple(layers)
        self._process: subprocess.Popen[bytes] | None = None
        self._leader = 0

    # --- on and off -----------------------------------------------------------------------------------------------

    def boot(self, state: str = "running") -> None:
        """Starts it and waits until systemd is done.

        Args:
            state: what ``systemctl is-system-running`` shall say; ``degraded`` where a unit is meant to fail.
        """
        assert self._process is None, f"{self.name} runs already"
        seen = overlay(self._layers, self._directory)
        nspawn = [
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe"),
            *("--resolv-conf=off", "--timezone=off", "--boot"),
            *(f"--directory={seen.target}", f"--machine={self.name}"),
        ]
        with (self._directory / "console").open("ab") as console:
            self._process = subprocess.Popen(
                Enclosure([seen], group=self.name).command(nspawn),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},  # as this release has it by itself
            )
        self._leader = until(self._find_leader, within=60) or 0
        try:
            reached = until(self._settled, within=60)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            raise AssertionError(f"{self.name} does not come up:\n{self.report()}") from error
        assert reached == state, f"{self.name} is {reached}, not {state}:\n{self.report()}"

    def reboot(self, state: str = "running") -> None:
        """As a person does it: everything is stopped in order, the disk stays, systemd starts what is enabled."""
        self._end(["systemctl", "reboot"], REBOOT)
        self.boot(state)

    def shutdown(self) -> None:
        """Everything is stopped in order; :meth:`boot` starts it again."""
        self._end(["systemctl", "poweroff"], 0)

    def kill(self) -> None:
        """As if the power failed: no process gets to do anything more. :meth:`boot` starts it again."""
        if self._process is not None:
            self._process.kill()
            self._ended()

    @property
    def leader(self) -> int:
        """The pid, seen from here, of its first process."""
        assert self.is_on, f"{self.name} is off"
        return self._leader

    @property
    def is_on(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    # --- commands -------------------------------------------------------------------------------------------------

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        user: str = "root",
        env: Mapping[str, str] | None = None,
        input: str = "",
        cwd: str = "~",
        timeout: float = 120,
    ) -> Result:
        """Runs a command to its end, with a login's environment and ``env`` besides.

        Args:
            check: whether the test fails, with all that the command said, if it does not end with 0.
            cwd: where; ``~`` is the user's home.
            timeout: seconds after which the test fails.
        """
        done = subprocess.run(
            [*self._enter(), *inside.command(argv, user=user, env=env or {}, cwd=cwd)],
            input=input,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        result = Result(done.returncode, done.stdout, done.stderr)
        assert not check or result.code == 0, f"{list(argv)} ended with {result.code}:\n{result.out}{result.err}"
        return result

    def start(
        self,
        argv: Sequence[str],
        *,
        user: str = "root",
        env: Mapping[str, str] | None = None,
        cwd: str = "~",
        log: str = "/dev/null",
    ) -> Background:
        """Starts a command as a person would with ``nohup``: in a session's scope, in no unit; it stays until it ends.

        Args:
            log: path in the machine for what it prints.
        """
        scope = f"--unit=session-{uuid.uuid4().hex[:8]}"
        spawn = inside.spawning(argv, user=user, env=env or {}, cwd=cwd, log=log)
        told = self.run(["systemd-run", "--quiet", "--scope", "--slice=user.slice", scope, *spawn])
        return Background(self, int(told.out), log)

    def until(self, condition: Callable[[], T], *, within: float = 60.0) -> T:
        """As :func:`tests.support.waiting.until`, with the patience that a machine needs."""
        return until(condition, within=within)

    # --- files ----------------------------------------------------------------------------------------------------

    def write(self, path: str, text: str, *, mode: int = 0o644, owner: str = "root") -> None:
        """Writes a file, with the directories that lead to it; what is made belongs to ``owner`` (a user)."""
        self.run(inside.writing(path, mode, owner), input=text)

    def read(self, path: str) -> str:
        """What a file holds."""
        return self.run(["cat", "--", path]).out

    def exists(self, path: str) -> bool:
        """Whether there is something at this path."""
        return self.run(["test", "-e", path], check=False).code == 0

    def copy(self, source: Path, path: str, *, owner: str = "root") -> None:
        """Copies a file or a tree of this host, under its own name, into a directory of the machine."""
        self.run(["mkdir", "--parents", "--", path])
        packed = subprocess.run(
            ["tar", "--create", f"--directory={source.parent}", "--", source.name], stdout=subprocess.PIPE, check=True
        )
        unpack = ["tar", "--extract", "--no-same-owner", f"--directory={path}"]
        subprocess.run([*self._enter(), *unpack], input=packed.stdout, check=True)
        self.run(["chown", "--recursive", "--no-dereference", f"{owner}:", "--", f"{path}/{source.name}"])

    # --- what runs on it ------------------------------------------------------------------------------------------

    def systemctl(self, *arguments: str, check: bool = True) -> str:
        """Runs ``systemctl``; what it printed, without the last newline."""
        return self.run(["systemctl", *arguments], check=check).out.strip()

    def tell_nginx(self, *command: str) -> None:
        """Runs a command that has nginx read its configuration; left once nobody is served by the one before."""
        before = self._nginx_workers()
        self.run(list(command))
        self.until(lambda: (now := self._nginx_workers()) and not now & before)

    def _nginx_workers(self) -> set[str]:
        """Those that listen: one that was told to end says so in its title."""
        return set(self.run(["pgrep", "--full", "--exact", "nginx: worker process"], check=False).out.split())

    def unit(self, name: str, *properties: str) -> dict[str, str]:
        """What ``systemctl show`` says of a unit, all of it or these properties."""
        chosen = [f"--property={','.join(properties)}"] if properties else []
        lines = self.systemctl("show", *chosen, "--", name).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def journal(self, unit: str | None = None) -> str:
        """The journal of all boots, or a unit's part of it; also of a machine that is off."""
        chosen = [f"--unit={unit}"] if unit else []
        if self.is_on:
            return self.run(["journalctl", "--no-pager", "--merge", *chosen], check=False).out
        disk = f"--directory={self._directory / 'upper/var/log/journal'}"
        done = subprocess.run(
            ["journalctl", "--no-pager", disk, *chosen], capture_output=True, text=True, check=False, timeout=60
        )
        return done.stdout

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """A GET from within; redirects are not followed. A failed test if nobody answers."""
        return self.request("GET", url, headers=headers)

    def request(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: str = "") -> Answer:
        """As :meth:`get`, by any method and with a body."""
        given = [part for name, value in (headers or {}).items() for part in ("--header", f"{name}: {value}")]
        sent = ["--data-binary", "@-"] if body else []
        limits = ["--silent", "--show-error", "--max-time", "30", "--http1.1"]
        told = self.run(["curl", *limits, "--include", "--request", method, *given, *sent, url], input=body)
        return parse_answer(told.out)

    def answers(self, url: str) -> bool:
        """Whether somebody answers there, and with success."""
        quiet = ["curl", "--silent", "--fail", "--max-time", "30", "--output", "/dev/null", url]
        return self.run(quiet, check=False).code == 0

    def add_user(self, name: str) -> None:
        """An ordinary user with a home directory, in no group but their own."""
        self.run(["useradd", "--create-home", "--user-group", "--shell", "/bin/bash", name])

    def report(self) -> str:
        """For a test that failed: the console's and the journal's last lines."""
        console = (self._directory / "console").read_text(errors="replace").splitlines()
        lines = ["console:", *console[-20:], "journal:", *self.journal().splitlines()[-SHOWN:]]
        return "\n".join(lines)

    # --- within ---------------------------------------------------------------------------------------------------

    def _enter(self) -> list[str]:
        assert self.is_on, f"{self.name} is off"
        return ["nsenter", f"--target={self._leader}", "--all", "--"]

    def _find_leader(self) -> int | None:
        """The pid, seen from here, of the machine's first process once it is systemd."""
        assert self._process is not None
        assert self._process.poll() is None, f"{self.name} ended at once:\n{self.report()}"
        generation = [self._process.pid]
        while generation:
            generation = [child for pid in generation for child in _children(pid)]
            found = [pid for pid in generation if _program(pid) == "systemd"]
            if found:
                return found[0]
        return None

    def _settled(self) -> str | None:
        done = self.run(["systemctl", "is-system-running", "--wait"], check=False, timeout=60)
        return done.out.strip() if done.out.strip() in {"running", "degraded", "maintenance"} else None

    def _end(self, argv: Sequence[str], code: int) -> None:
        assert self._process is not None, f"{self.name} is off"
        # Its own answer may be lost: the command is among the processes that end.
        self.run(argv, check=False)
        ended = self._process.wait(120)
        self._ended()
        assert ended == code, f"{argv} ended {self.name} with {ended}:\n{self.report()}"

    def _ended(self) -> None:
        if self._process is not None:
            self._process.wait(60)
        self._process = None
        wait_for_end(self.name)


@dataclass(frozen=True)
class Background:
    """A process that :meth:`Machine.start` started; ``pid`` is the machine's number for it."""

    machine: Machine
    pid: int
    log: str

    @property
    def is_running(self) -> bool:
        """Whether there is a process of that number that has not ended."""
        return self.machine.run(["ps", "-o", "stat=", str(self.pid)], check=False).out.strip()[:1] not in {"", "Z"}

    def kill(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Sends the signal and waits until it has ended."""
        self.machine.run(["kill", f"-{int(number)}", str(self.pid)])
        until(lambda: not self.is_running, within=30)


@contextmanager
def booted(layers: Sequence[Path], home: Path) -> Iterator[Machine]:
    """A machine that runs; at the end it is killed and its disk removed.

    Args:
        layers: of its disk, as :func:`tests.support.machines.image.prepared` gives them.
        home: where the machines of this user keep their disks. Those whose tests were killed are removed first.
    """
    with owned(home) as directory:
        machine = Machine(directory, layers)
        try:
            machine.boot()
            yield machine
        finally:
            machine.kill()


def join(one: Machine, address: str, other: Machine, others: str) -> None:
    """Lays a cable between two machines that run; each has an address of the same network of 256 (IPv4)."""
    names = ("ip", "link", "add", "cable", "netns", str(one.leader), "type", "veth")
    subprocess.run([*names, "peer", "name", "cable", "netns", str(other.leader)], check=True)
    for machine, own in ((one, address), (other, others)):
        machine.run(["ip", "address", "add", f"{own}/24", "dev", "cable"])
        machine.run(["ip", "link", "set", "cable", "up"])


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
