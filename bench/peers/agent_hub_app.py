"""agent-hub-mcp's own server, on a database made by its own migration.

Its configuration and data lie under HOME. The published wheel looks for the migration beside ``site-packages``
and has it inside its package, so it is applied from there before the server starts.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import agent_hub
from agent_hub import auth, storage
from agent_hub.server import mcp


def prepare(tokens: str) -> None:
    """Writes ``agents.env`` and makes the database."""
    os.umask(0o077)
    auth.CONFIG_DIR.mkdir(parents=True, exist_ok=True)
    auth.TOKEN_FILE.write_text(tokens)
    connection = storage.get_db()
    connection.executescript((Path(agent_hub.__file__).parent / "migrations" / "001_init.sql").read_text())
    connection.commit()
    connection.close()


if __name__ == "__main__":
    if not storage.DEFAULT_DB_PATH.exists():
        prepare(sys.argv[2])
    options = {"access_log": False, "log_level": "warning"}
    mcp.run(transport="streamable-http", host="127.0.0.1", port=int(sys.argv[1]), uvicorn_config=options)
