"""Adapters from callers to operations: MCP, the JSON API, health. They know no storage and no environment.

::

    Edge          request id, Host and Origin, log, the last resort for errors
      └─ Site     which path is whose
           ├─ McpEndpoint   /mcp: the fast path, unversioned clients, else the official SDK
           ├─ RestEndpoint  /api/v1
           └─ health, openapi.json, where things are
"""
