"""Adapters from callers to operations: MCP, the JSON API, health. They know no storage and no environment.

::

    Edge          request id, Host and Origin, log, the last resort for errors
      └─ Site     which path is whose
           ├─ McpEndpoint   /mcp: the fast path, unversioned clients, else the official SDK
           │    └─ Legacy    sessions of the revisions with initialize, their streams and cancellations
           ├─ SseEndpoint    the SSE port: HTTP+SSE of 2024-11-05
           ├─ RestEndpoint  /api/v1
           └─ health, openapi.json, where things are
"""
