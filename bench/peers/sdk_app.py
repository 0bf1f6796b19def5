"""The official SDK's own HTTP application, as its documentation builds it, with JSON responses."""

from __future__ import annotations

import sys

import uvicorn
from mcp.server import MCPServer

from bench.peers.forty import tools

server = MCPServer("bench")
for tool in tools():
    server.add_tool(tool)

if __name__ == "__main__":
    app = server.streamable_http_app(json_response=True, stateless_http=True)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning")
