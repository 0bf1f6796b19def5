"""The disk that a machine starts from: Debian with systemd and nginx, Homeport's dependencies, Homeport.

Three layers, each kept for as long as what it is made from stays the same: packages of the host's distribution;
a Python environment at /opt/homeport with the locked dependencies; the wheel of this very source.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.machines.enclosure import Enclosure, Mount, overlay
from tests.support.machines.layers import Layers, key_of
from tests.support.machines.sources import Sources, host_settings, host_sources

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parent.parent.parent.parent
LOCK: Final = ROOT / "requirements" / "runtime.lock"
PREFIX: Final = "/opt/homeport"
PACKAGES: Final = (
    *("systemd", "systemd-sysv", "dbus", "cron", "logrotate", "procps", "iproute2"),
    *("nginx-light", "curl", "ca-certificates", "openssh-client", "git"),
    *("python3", "python3-venv", "sqlite3", "nodejs"),
    "postgresql",
)
# Files that nobody reads in a test; and there is no network for what apt's own timers would do.
UNREAD: Final = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
ASLEEP: Final = ("postgresql.service",)  # until a test starts it
MASKED: Final = ("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "dpkg-db-backup.timer")
CLEAN: Final = ("env", "-i", "HOME=/root", "LANG=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin")


def cache_directory() -> Path:
    """Where images and machines are kept: $MACHINES_CACHE, else a directory of the user's cache."""
    given = os.environ.get("MACHINES_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(given).absolute() if given else Path(home) / "homeport-machines"


@contextmanager
def prepared(cache: Path | None = None) -> Iterator[Sequence[Path]]:
    """The layers of a machine's disk, the topmost first, built where they are missing; kept while in use."""
    layers = Layers((cache or cache_directory()) / "layers")
    try:
        system = _system(layers, host_sources())
        dependencies = _dependencies(layers, system)
        yield (_homeport(layers, [dependencies, system]), dependencies, system)
    finally:
        layers.release()


@contextmanager
def wheelhouse(cache: Path | None = None) -> Iterator[Path]:
    """A directory with all wheels that the lock names, for the Python of machines: releases are built there offline."""
    layers = Layers((cache or cache_directory()) / "layers")
    try:
        system = _system(layers, host_sources())

        def build(part: Path) -> Path:
            wheels = part / "wheels"
            _run(_pip("download", "--dest", str(wheels), "--require-hashes", "-r", str(LOCK), *_foreign(system)))
            return wheels

        yield layers.get("wheels", key_of(system.name, LOCK.read_bytes()), build)
    finally:
        layers.release()


def _system(layers: Layers, sources: Sources) -> Path:
    recipe = [
        *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}"),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in UNREAD),
        sources.codename,
    ]

    def build(part: Path) -> Path:
        for name, text in (("host.list", sources.lines), ("host.sources", sources.stanzas)):
            (part / name).write_text(text)
        files = [str(part / name) for name in ("host.list", "host.sources") if (part / name).stat().st_size]
        # dpkg asks the disk to keep every file; in memory that costs nothing, and the copy is a few seconds.
        memory, system = part / "memory", part / "system"
        memory.mkdir()
        enclosure = Enclosure([Mount("tmpfs", "tmpfs", memory, "size=2g,mode=755")])
        built = str(memory / "system")
        ways = [f"--aptopt={setting}" for setting in host_settings()]
        _run(enclosure.command([*recipe[:-1], *ways, recipe[-1], built, *files], ["cp", "-a", built, str(system)]))
        _settle(system)
        return system

    return layers.get("system", key_of(*recipe, *MASKED, *ASLEEP, *sources), build)


def _settle(system: Path) -> None:
    """What makes of unpacked packages a machine that has a name and is offline."""
    (system / "etc/hostname").write_text("machine\n")
    (system / "etc/hosts").write_text("127.0.0.1 localhost machine\n::1 localhost\n")
    for name in ("etc/resolv.conf", "etc/apt/apt.conf.d/99mmdebstrap"):
        (system / name).unlink(missing_ok=True)
    (system / "var/log/journal").mkdir(exist_ok=True)
    for unit in MASKED:
        (system / "etc/systemd/system" / unit).symlink_to("/dev/null")
    for unit in ASLEEP:
        (system / "etc/systemd/system/multi-user.target.wants" / unit).unlink()
    (system / "usr/local/bin/homeport").symlink_to(f"{PREFIX}/bin/homeport")


def _dependencies(layers: Layers, system: Path) -> Path:
    def build(part: Path) -> Path:
        wheels = part / "wheels"
        _run(_pip("download", "--dest", str(wheels), "--require-hashes", "-r", str(LOCK), *_foreign(system)))
        (wheels / "runtime.lock").write_bytes(LOCK.read_bytes())
        install = ("--no-index", "--find-links=/mnt", "--require-hashes", "-r", "/mnt/runtime.lock")
        commands = [["/usr/bin/python3", "-m", "venv", PREFIX], [*_inner_pip("install"), *install]]
        return _changed(part, [system], wheels, commands)

    return layers.get("dependencies", key_of(system.name, LOCK.read_bytes()), build)


def _homeport(layers: Layers, lower: Sequence[Path]) -> Path:
    files = sorted(path for path in (ROOT / "src").rglob("*") if path.is_file() and path.suffix != ".pyc")
    contents = [(ROOT / "pyproject.toml").read_bytes()]
    contents += [part for path in files for part in (str(path.relative_to(ROOT)).encode(), path.read_bytes())]

    def build(part: Path) -> Path:
        wheels = part / "wheels"
        _run(_pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT)))
        (wheel,) = wheels.iterdir()
        install = ("--no-index", "--no-deps", f"/mnt/{wheel.name}")
        return _changed(part, lower, wheels, [[*_inner_pip("install"), *install]])

    return layers.get("homeport", key_of(lower[0].name, *contents), build)


def _changed(part: Path, lower: Sequence[Path], wheels: Path, commands: Sequence[Sequence[str]]) -> Path:
    """What these commands add to the layers below, run in there without the network being asked for anything."""
    seen = overlay(lower, part)
    enclosure = Enclosure(
        [
            seen,
            Mount("none", str(wheels), seen.target / "mnt", "bind,ro"),
            Mount("proc", "proc", seen.target / "proc", "nosuid,nodev,noexec"),
        ]
    )
    _run(enclosure.command(*([*("chroot", str(seen.target)), *CLEAN, *command] for command in commands)))
    return part / "upper"


def _foreign(system: Path) -> list[str]:
    """For which Python pip shall choose wheels, where the machine's is not the one that runs the tests."""
    inside = (system / "usr/bin/python3").readlink().name.removeprefix("python")
    same = inside == f"{sys.version_info.major}.{sys.version_info.minor}"
    return [] if same else ["--python-version", inside, "--no-deps"]


def _pip(verb: str, *arguments: str) -> list[str]:
    only_wheels = ["--only-binary", ":all:"] if verb == "download" else []
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", verb, "--quiet", *only_wheels, *arguments]


def _inner_pip(verb: str) -> list[str]:
    return [f"{PREFIX}/bin/python", "-m", "pip", "--disable-pip-version-check", verb, "--quiet"]


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout[-4000:]}"
