"""An ordinary user, on a machine that has neither systemd nor nginx.

The suite may run as root on a machine with both: then the user has a uid that nobody has, no name and no group of
others, and mounts of their own in which both are missing, and in which they reach the interpreter wherever it lies.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.process import HOMEPORT

ROOT: Final = Path(__file__).parents[2]
BOOTED: Final = Path("/run/systemd/system")
PATH: Final = "/usr/local/bin:/usr/bin:/bin:/usr/sbin"
ABSENT: Final = ("systemctl", "systemd-run", "journalctl", "timedatectl", "nginx")
HOME: Final = "/home/ada"
_MOUNTING: Final = """
import json, os, subprocess, sys
asked = json.loads(sys.argv[1])
def mount(*words, keep=()):
    subprocess.run(["mount", *words], check=True, pass_fds=keep)
kept = {path: os.open(path, os.O_PATH) for path in (*asked["needed"], asked["home"])}
def show(path, at):
    os.makedirs(at, exist_ok=True)
    # The directory that was opened before it was covered.
    mount("--no-canonicalize", "--bind", f"/proc/self/fd/{kept[path]}", at, keep=[kept[path]])
for closed in asked["closed"]:
    mount("-t", "tmpfs", "-o", "mode=0755", "none", closed)
mount("-t", "tmpfs", "-o", "mode=0755", "none", "/home")
for path in asked["needed"]:
    show(path, path)
show(asked["home"], asked["at"])
for directory in asked["hidden"]:
    mount("-t", "tmpfs", "none", directory)
for program in asked["absent"]:
    mount("--bind", "/dev/null", program)
print("ready", flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class OrdinaryUser:
    """Who runs commands; ``home`` is theirs as the test sees it."""

    uid: int
    home: Path
    enter: tuple[str, ...]
    """What leads into their mounts, and drops all that root may do; empty where the suite is theirs."""
    at: str
    """``home`` as they see it."""

    def run(self, *argv: str, directory: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
        """A command that ends with that code; it works in a directory below the home."""
        place = f"{self.at}/{directory}"
        alone = ("env", "--ignore-environment", f"--chdir={place}", f"HOME={self.at}", f"PATH={PATH}", "LANG=C.UTF-8")
        done = subprocess.run(
            [*self.enter, *alone, *argv],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def homeport(self, *words: str, directory: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
        """As :meth:`run`, of this very source."""
        return self.run(*HOMEPORT, *words, directory=directory, code=code)


def missing() -> str:
    """Why nobody can be one here, in words; empty where that is possible."""
    if os.geteuid() != 0:
        there = BOOTED.is_dir() or any(shutil.which(name, path=PATH) for name in ABSENT)
        return "only root can hide this machine's systemd and nginx" if there else ""
    tools = [name for name in ("unshare", "nsenter", "setpriv", "mount") if shutil.which(name) is None]
    if tools:
        return f"needs {', '.join(tools)} (util-linux)"
    shut = [path for path in _needed() if not Path(path).stat().st_mode & stat.S_IXOTH]
    if shut:
        return f"others may not enter {shut[0]}"
    tried = subprocess.run(["unshare", "--mount", "true"], check=False, stderr=subprocess.DEVNULL)
    return "" if tried.returncode == 0 else "needs mounts of its own (unshare --mount)"


@contextmanager
def ordinary_user(home: Path) -> Iterator[OrdinaryUser]:
    """Somebody whose home is that new directory; it stays."""
    home.mkdir(mode=0o700)
    if os.geteuid() != 0:
        yield OrdinaryUser(os.geteuid(), home, (), str(home))
        return
    uid = _free_uid()
    os.chown(home, uid, uid)
    holder = ["unshare", "--mount", "--propagation", "private", sys.executable, "-c", _MOUNTING, _asked(home)]
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.wait(30)
            drop = ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all")
            yield OrdinaryUser(uid, home, ("nsenter", f"--target={process.pid}", "--mount", *drop), HOME)
        finally:
            process.kill()


def _asked(home: Path) -> str:
    """What the mounts are to be: everything that is needed can be reached, and what must be absent is hidden."""
    closed = {_closed(Path(path)) for path in _needed()} - {None}
    programs = {shutil.which(name, path=PATH) for name in ABSENT} - {None}
    return json.dumps(
        {
            "needed": [path for path in _needed() if _closed(Path(path)) or Path(path).is_relative_to("/home")],
            "closed": sorted(map(str, closed)),
            "home": str(home),
            "at": HOME,
            "hidden": [str(BOOTED)] * BOOTED.is_dir(),
            "absent": sorted(map(str, programs)),
        }
    )


def _needed() -> list[str]:
    """The directories that hold the interpreter, what is installed for it, and this source."""
    all_of_it = dict.fromkeys(str(Path(path).resolve()) for path in (sys.prefix, sys.base_prefix, ROOT))
    return [path for path in all_of_it if not any(path != one and Path(path).is_relative_to(one) for one in all_of_it)]


def _closed(path: Path) -> Path | None:
    """The outermost directory on the way there that others may not enter."""
    ways = [*reversed(path.parents), path]
    return next((one for one in ways if not one.stat().st_mode & stat.S_IXOTH), None)


def _free_uid() -> int:
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    return next(uid for uid in range(61_000, 65_000) if uid not in taken)
