"""FastMCP's HTTP application, with JSON responses."""

from __future__ import annotations

import sys

import uvicorn
from fastmcp import FastMCP

from bench.peers.forty import tools

server = FastMCP("bench")
for tool in tools():
    server.tool(tool)

if __name__ == "__main__":
    app = server.http_app(json_response=True, stateless_http=True)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning")
