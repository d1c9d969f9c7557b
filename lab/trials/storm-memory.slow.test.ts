// Checks with a real process that a storm of unfinished messages leaves no memory behind.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { attacks } from './attacks.js';
import { startTrialServer } from './trial-server.js';

const spec = { slotCount: 2, contextLength: 64, passMs: 1, resumeMs: 500, silenceMs: 5_000 };

it('a process that held twice its memory in a storm gives it back while idle', async () => {
  const server = await startTrialServer({ ...spec, keysPath: null, tls: null });
  try {
    const before = await server.holding(false);
    const storm = attacks.find(({ name }) => name === 'messages without an end')!;
    await storm.run(server.port, 40);
    const { residentBytes } = await server.holding(false);
    assert.ok(residentBytes > 2 * before.residentBytes, `${residentBytes} bytes after the storm`);
    // Not asked meanwhile: each question would make garbage, and V8 collect it.
    await sleep(25_000);
    const after = await server.holding(false);
    const factor = after.residentBytes / before.residentBytes;
    assert.ok(factor < 1.5, `${factor} times the memory before`);
  } finally {
    await server.stop();
  }
});
