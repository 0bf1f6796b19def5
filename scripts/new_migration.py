"""Begins a migration of the schema: a file with everything that it must have, after the newest one."""

from __future__ import annotations

import io
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path

from alembic import command

from homeport.storage.migrations.revisions import HEAD, VERSIONS
from homeport.storage.migrations.running import configuration


def main(name: str) -> int:
    """Writes the file, and says where it is."""
    if re.fullmatch(r"[a-z][a-z0-9_]{2,40}", name) is None:
        sys.stderr.write(f"{name!r} is no name of a migration. Write NAME=task_estimates: small letters, digits, _.\n")
        return 2
    revision = f"{int(HEAD) + 1:04}"
    config = configuration()
    config.set_main_option("file_template", "%%(rev)s")
    with redirect_stdout(io.StringIO()):
        command.revision(config, message=name.replace("_", " ").capitalize(), rev_id=revision)
    path = (VERSIONS / f"{revision}.py").rename(VERSIONS / f"r{revision}_{name}.py")
    sys.stdout.write(
        f"{path.relative_to(Path.cwd())}\n"
        "Say in it what it changes, what must be so afterwards, and whether the release before can live with it.\n"
        "docs/migrations.md shows the rest of the way.\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
