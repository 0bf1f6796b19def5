"""A child ends with the process that started it, also when that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil

from tests.support.waiting import until

CHILD = (
    "import os, signal; from homeport.host.parent import end_with_parent; end_with_parent(int(os.environ['PARENT'])); "
    "print(os.getpid(), flush=True); signal.pause()"
)
PARENT = (
    "import os, subprocess, sys; os.environ['PARENT'] = str(os.getpid()); "
    f"subprocess.run([sys.executable, '-c', {CHILD!r}])"
)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_killed_parent_takes_its_child_with_it() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not is_gone(pid)
        parent.send_signal(signal.SIGKILL)
        until(lambda: is_gone(pid))


def test_a_child_whose_parent_is_gone_already_ends_at_once() -> None:
    environment = {**os.environ, "PARENT": "1" if os.getpid() != 1 else "2"}
    done = subprocess.run([sys.executable, "-c", CHILD], env=environment, check=False, capture_output=True)
    assert done.returncode == -signal.SIGTERM
