"""Runs commands among mounts and in a control group of their own; a program for ``unshare``, not for import.

It is the first process of a process namespace: when it ends or is killed, the kernel ends all that it started, and
the mounts are gone with the last of them. Nothing can stay behind, whatever happens to the tests.

Its one argument is JSON: ``{"group": name or null, "mounts": [[type, source, target, options], ...],
"commands": [[argument, ...], ...]}``. It ends with the exit code of the first command that fails, else 0.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def hierarchies() -> list[Path]:
    """This process's directory in the hierarchies of control groups that systemd keeps its units in."""
    membership = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ", 1)
        root, at = left.split()[3:5]
        kind, _, options = right.split(" ", 2)
        name = "" if kind == "cgroup2" else "name=systemd"
        if kind in {"cgroup", "cgroup2"} and name in {"", *options.strip().split(",")} and name in membership:
            found.append(Path(at) / Path(membership[name]).relative_to(root))
    return found


def main() -> int:
    """Prepares, then runs one command after the other."""
    given = json.loads(sys.argv[1])
    if given["group"]:
        for hierarchy in hierarchies():
            group = hierarchy / given["group"]
            group.mkdir(exist_ok=True)
            (group / "cgroup.procs").write_text("0")
    for kind, source, target, options in given["mounts"]:
        subprocess.run(["mount", "-t", kind, "-o", options, source, target], check=True)
    for command in given["commands"]:
        code = subprocess.run(command, check=False).returncode
        if code:
            return code if code > 0 else 128 - code
    return 0


if __name__ == "__main__":
    sys.exit(main())
