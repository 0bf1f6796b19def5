"""A standby of a cluster, which replays what it is handed and nothing before."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.support.ports import free_ports
from tests.support.postgres import Cluster


@contextmanager
def standby(of: Cluster) -> Iterator[Cluster]:
    """What a cluster holds now, as a standby that only reads; the cluster is restarted for it."""
    directory = Path(tempfile.mkdtemp(prefix="homeport-pg-"))
    directory.chmod(0o755)
    made = replace(of, directory=directory, port=free_ports(1)[0], _process=None)
    try:
        of.stop()
        # With its owner, who is another user where root runs this.
        subprocess.run(["cp", "-a", f"{of.directory}/.", str(directory)], check=True)
        of.start()
        with (directory / "data/postgresql.conf").open("a") as file:
            file.write(f"port = {made.port}\nunix_socket_directories = '{directory}'\n")
        (directory / "data/standby.signal").touch()
        made.start()
        yield made
    finally:
        made.kill()
        shutil.rmtree(directory, ignore_errors=True)


def take_over(made: Cluster, after: Cluster) -> None:
    """Hands a standby the log of the cluster that it follows, and promotes it."""
    subprocess.run(["cp", "-a", f"{after.directory}/data/pg_wal/.", str(made.directory / "data/pg_wal")], check=True)
    assert made.execute("SELECT pg_promote()") == [(True,)]
