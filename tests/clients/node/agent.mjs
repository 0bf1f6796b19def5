// The TypeScript SDK's client for a test in another language: a request a line in, an answer a line out.
// Arguments: the URL, and "auto" (the newest revision, if the server has it), "legacy", or "sse" (HTTP+SSE);
// or "-", "auto" or "legacy", and the program that is spoken to over pipes, with its arguments.
// First line out: {"version"}. Then {"id", "method": "list"} or {"id", "method": "call", "name", "arguments"} in,
// and {"id", "result"} or {"id", "error"} out, in the order in which they are answered. It ends with its input.
import { createInterface } from "node:readline";
import { Client, SSEClientTransport, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const [url, mode, command, ...args] = process.argv.slice(2);
const old = mode === "sse";
const negotiation = old ? "legacy" : mode;
const client = new Client({ name: "agent", version: "1" }, { versionNegotiation: { mode: negotiation } });
const transport =
  url === "-"
    ? new StdioClientTransport({ command, args })
    : new (old ? SSEClientTransport : StreamableHTTPClientTransport)(new URL(url));
await client.connect(transport);

const tell = (message) => console.log(JSON.stringify(message));
const ask = (request) =>
  request.method === "list"
    ? client.listTools()
    : client.callTool({ name: request.name, arguments: request.arguments });

tell({ version: client.getNegotiatedProtocolVersion() });
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  ask(request).then(
    (result) => tell({ id: request.id, result }),
    (error) => tell({ id: request.id, error: String(error) }),
  );
}
await client.close();
