// The view says what the numbers say: shares of the time between two looks, ratios a token, and no division by nothing.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createScriptedEngine } from '../../engine/scripted-engine.js';
import { type ServerStats, startServer } from '../../server/index.js';
import { statsUrl } from '../top.js';
import { topText } from './view.js';

async function idleStats(): Promise<ServerStats> {
  const engine = createScriptedEngine();
  const server = await startServer({ engine, port: 0 });
  const stats = server.stats();
  await server.close();
  await engine.close();
  return stats;
}

describe('pilotfish top', () => {
  it('shows an idle server without dividing by nothing', async () => {
    const text = topText(await idleStats(), null);
    assert.doesNotMatch(text, /NaN|Infinity|undefined/);
    assert.match(text, /^scripted, 4 slots of 256 tokens/);
    assert.match(text, /drafts +0 accepted of 0 tested, -/);
  });

  it('takes rates from the time between two looks', async () => {
    const idle = await idleStats();
    const before = { ...idle, uptimeMs: 1000 };
    const after: ServerStats = {
      ...idle,
      uptimeMs: 3000,
      core: { ...idle.core, committedCount: 100, busyMs: 500, acceptedCount: 30, testedCount: 40 },
      wire: { messagesUp: 50, messagesDown: 100, bytesUp: 400, bytesDown: 1000 },
    };
    const text = topText(after, before);
    assert.match(text, /50\.0 tokens\/s/);
    assert.match(text, /engine busy 25\.0 %/);
    assert.match(text, /30 accepted of 40 tested, 75\.0 %/);
    assert.match(text, /up +400 B; 4\.0 bytes in 0\.50 messages a token/);
  });

  it('finds the stats of a server from the address that devices dial', () => {
    assert.equal(statsUrl('ws://127.0.0.1:7433'), 'http://127.0.0.1:7433/stats');
    assert.equal(statsUrl('wss://edge.example/x'), 'https://edge.example/stats');
    assert.equal(statsUrl('127.0.0.1'), 'http://127.0.0.1:7433/stats');
    for (const bad of ['http://a', 'no host']) {
      assert.throws(() => statsUrl(bad), { code: 'usage' });
    }
  });
});
