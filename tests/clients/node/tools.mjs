// The TypeScript SDK's client: connects, lists the tools, calls one, is refused once. Prints what it saw as JSON.
// Arguments: the URL, and "auto" (the newest revision, if the server has it) or "legacy".
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const [url, mode] = process.argv.slice(2);
const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
await client.connect(new StreamableHTTPClientTransport(new URL(url)));
const { tools } = await client.listTools();
const status = await client.callTool({ name: "get_server_status", arguments: {} });
const refused = await client.callTool({ name: "get_task", arguments: { id: "none" } });
console.log(
  JSON.stringify({
    version: client.getNegotiatedProtocolVersion(),
    instructions: client.getInstructions(),
    tools: tools.map((tool) => tool.name),
    status,
    refused,
  }),
);
await client.close();
