"""A later release of Homeport: this very source, with one migration more, started as a release's program is."""

from __future__ import annotations

import shutil
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Final

from homeport.storage.migrations.revisions import HEAD

SOURCE: Final = Path(__file__).parents[2] / "src" / "homeport"
LATER: Final = f"{int(HEAD) + 1:04}"
"""The revision that the later release has, and this one does not."""

UPPER: Final = 'op.execute("UPDATE projects SET name = upper(name)")'
ALL_UPPER: Final = """
    wrong = connection.execute(sa.text("SELECT count(*) FROM projects WHERE name <> upper(name)")).scalar_one()
    return [f"{wrong} projects have a name in small letters."] if wrong else []
"""


def turns_red(when: str) -> str:
    """Statements after which the store proves no write once ``when`` holds: a server is well, and then is not.

    What stands in braces in ``when`` is Python, and evaluated by the migration.
    """
    trigger = f"CREATE TRIGGER red BEFORE UPDATE ON probe WHEN {when} BEGIN SELECT RAISE(FAIL, 'no'); END"
    return f'{UPPER}\n    op.execute(f"{trigger}")'


def migration(
    *,
    upgrade: str = UPPER,
    verify: str = ALL_UPPER,
    previous: bool = False,
    revision: str = LATER,
    after: str = HEAD,
) -> str:
    """The text of a file of migrations/versions.

    Args:
        upgrade: the statements of its ``upgrade``.
        verify: those of its ``verify``, indented, over ``connection``.
        previous: whether the release before can live with it.
        revision: its own.
        after: the one that it follows.
    """
    return f'''"""Names of projects are in capitals."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "{revision}"
down_revision: Final = "{after}"

PREVIOUS_RELEASE_CAN_RUN: Final = {previous}


def upgrade() -> None:
    """Changes every project."""
    {upgrade}


def verify(connection: sa.Connection) -> list[str]:
    """No name is in small letters."""
{verify.strip(chr(10))}
'''


def site_packages(release: Path) -> Path:
    """Where a release has its packages."""
    return release / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def needed(release: Path, *before: Path) -> None:
    """Gives a fresh environment what this one has, after what is in these directories."""
    lines = [*before, Path(sysconfig.get_path("purelib"))]
    (site_packages(release) / "needed.pth").write_text("".join(f"{line}\n" for line in lines))


def later_release(directory: Path, text: str | None = None) -> tuple[str, ...]:
    """A release in ``directory`` with the migration ``text``, none where that is empty; what runs its ``homeport``."""
    python, site = directory / "bin" / "python", site_packages(directory)
    if not python.exists():
        venv.EnvBuilder(symlinks=True).create(directory)
        # With what Python compiled of it, as an installed release has it: else each start compiles all of it anew.
        shutil.copytree(SOURCE, site / "homeport")
        needed(directory)
    if text != "":
        file = site / "homeport" / "storage" / "migrations" / "versions" / f"r{LATER}_later.py"
        file.write_text(migration() if text is None else text)
    return (str(python), "-P", "-m", "homeport")
