// The TypeScript SDK's client over pipes. Prints what it saw as JSON.
// Arguments: "auto" (the newest revision, if the server has it) or "legacy", then the program and its arguments.
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const [mode, command, ...args] = process.argv.slice(2);
const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
await client.connect(new StdioClientTransport({ command, args }));
const { tools } = await client.listTools();
const status = await client.callTool({ name: "get_server_status", arguments: {} });
const refused = await client.callTool({ name: "get_task", arguments: { id: "none" } });
console.log(
  JSON.stringify({
    version: client.getNegotiatedProtocolVersion(),
    tools: tools.map((tool) => tool.name),
    status,
    refused,
  }),
);
await client.close();
