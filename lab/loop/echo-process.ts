// Runs the echo server in a process of its own; answers its parent's messages with the processor
// time it has used.

import { type EchoReport, type EchoSpec, startEchoServer } from './echo.js';

const { replyBytes } = JSON.parse(process.argv[2]!) as EchoSpec;
const port = await startEchoServer(replyBytes);
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send!({ cpuMs: (user + system) / 1000 } satisfies EchoReport);
});
process.on('disconnect', () => process.exit(0));
process.send!({ port });
