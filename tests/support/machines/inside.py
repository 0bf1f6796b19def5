"""Argument lists for within a machine: as whom, where, and the small programs that have no command of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Both become the user and go home as a login would, then run the command in their own place or apart from it.
_LOGIN: Final = """
import json, os, pwd, subprocess, sys
given = json.loads(sys.argv[1])
user = pwd.getpwnam(given["user"])
login = {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name, "SHELL": user.pw_shell}
environment = {**login, "PATH": given["path"], "LANG": "C.UTF-8", **given["env"]}
directory = user.pw_dir if given["cwd"] == "~" else given["cwd"]
groups = os.getgrouplist(user.pw_name, user.pw_gid)
"""
# Out of the tests' control group and into one of the machine that is no unit's.
_RUN: Final = """
os.makedirs("/sys/fs/cgroup/by-hand", exist_ok=True)
with open("/sys/fs/cgroup/by-hand/cgroup.procs", "w") as group:
    group.write("0")
os.setgroups(groups); os.setgid(user.pw_gid); os.setuid(user.pw_uid); os.chdir(directory)
try:
    os.execvpe(given["argv"][0], given["argv"], environment)
except FileNotFoundError:
    sys.exit(f"{given['argv'][0]}: command not found")
"""
_SPAWN: Final = """
os.environ["PATH"] = given["path"]
log = os.open(given["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
if given["log"] != "/dev/null":
    os.fchown(log, user.pw_uid, user.pw_gid)
process = subprocess.Popen(
    given["argv"], env=environment, cwd=directory, start_new_session=True, umask=0o022,
    user=user.pw_uid, group=user.pw_gid, extra_groups=groups, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
)
print(process.pid)
"""
_WRITE: Final = """
import os, pwd, sys
path, mode, owner = sys.argv[1:]
user = pwd.getpwnam(owner)
missing, above = [], os.path.dirname(path)
while not os.path.isdir(above):
    missing, above = [above, *missing], os.path.dirname(above)
for directory in missing:
    os.mkdir(directory)
    os.chown(directory, user.pw_uid, user.pw_gid)
with open(path, "wb") as file:
    os.fchmod(file.fileno(), int(mode, 8))
    os.fchown(file.fileno(), user.pw_uid, user.pw_gid)
    file.write(sys.stdin.buffer.read())
"""


def command(argv: Sequence[str], *, user: str, env: Mapping[str, str], cwd: str) -> list[str]:
    """Runs a command as a user."""
    return _python(_LOGIN + _RUN, _given(argv, user, env, cwd))


def spawning(argv: Sequence[str], *, user: str, env: Mapping[str, str], cwd: str, log: str) -> list[str]:
    """Starts a command in a session of its own, prints its pid once it runs, and ends: its parent is then systemd."""
    return _python(_LOGIN + _SPAWN, _given(argv, user, env, cwd, log=log))


def writing(path: str, mode: int, owner: str) -> list[str]:
    """Writes what comes in to a file."""
    return _python(_WRITE, path, f"{mode:o}", owner)


def _given(argv: Sequence[str], user: str, env: Mapping[str, str], cwd: str, **more: str) -> str:
    return json.dumps({"argv": [*argv], "user": user, "env": dict(env), "cwd": cwd, "path": PATH, **more})


def _python(program: str, *arguments: str) -> list[str]:
    return ["/usr/bin/python3", "-I", "-S", "-c", program, *arguments]
