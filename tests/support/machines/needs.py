"""What this host must have and allow so that machines can run on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.support.machines.image import cache_directory
from tests.support.machines.sources import host_sources

TOOLS: Final = ("mmdebstrap", "systemd-nspawn", "nsenter", "unshare", "setpriv", "mount")
SYS_ADMIN: Final = 21  # the capability's number


def missing() -> str | None:
    """One reason why machines cannot run here, as a part of a sentence; nothing if they can."""
    return next(_reasons(), None)


def _reasons() -> Iterator[str]:
    """Asked for one at a time: each presumes that those before it do not hold."""
    if sys.platform != "linux":
        yield "machines need Linux"
    if os.geteuid() != 0:
        yield "machines need root: systemd in a container, with mounts of its own"
    if not _may_mount():
        yield "this container may not mount; machines need CAP_SYS_ADMIN"
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    if lacking:
        yield f"{' and '.join(lacking)} not found: `make machines` installs them where apt-get is"
    if _on_overlay(cache_directory()):
        yield f"{cache_directory()} is on an overlay, which bears no other: name another place in MACHINES_CACHE"
    if not host_sources():
        yield "apt names no mirror of this host's own release to build machines from"


def _on_overlay(path: Path) -> bool:
    there = next(above for above in (path, *path.parents) if above.exists())
    told = subprocess.run(["stat", "--file-system", "--format=%T", there], capture_output=True, text=True, check=True)
    return told.stdout.strip() == "overlayfs"


def _may_mount() -> bool:
    lines = dict(line.split(":\t") for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    return bool(int(lines["CapEff"], 16) >> SYS_ADMIN & 1)
