// Checks the view of top: shares over the time between two snapshots, ratios per token, no division
// by zero.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PilotfishError } from '../../base/error.js';
import { createScriptedEngine } from '../../engine/scripted-engine.js';
import { type ServerStats, startServer } from '../../server/index.js';
import { Screen } from '../screen/screen.suite.js';
import type { Terminal } from '../screen/terminal.js';
import { statsUrl } from '../stats-client.js';
import { topText } from './view.js';
import { watch } from './watch.js';

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
    assert.match(text, /drafts +devices 0 accepted of 0 tested, -/);
    assert.match(text, /shaping +on request; 0 connections, 0 filler messages/);
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

  it('tells tokens and drafts by their source', async () => {
    const idle = await idleStats();
    const text = topText(
      {
        ...idle,
        core: {
          ...idle.core,
          committedCount: 100,
          sources: { deviceCount: 20, modelCount: 30, suffixCount: 10 },
          serverTests: { roundCount: 25, givenCount: 70, modelCount: 40, suffixCount: 20 },
          ...{ stageCount: 15, modelDraftedCount: 50, draftFailureCount: 1 },
        },
      },
      null,
    );
    assert.match(text, /of them +target 40, devices 20, model 30, look-up 10/);
    assert.match(text, / model 30 accepted of 40 tested, 75\.0 %/);
    assert.match(text, /stages +15, 1 failed; 50 tokens drafted/);
    assert.match(text, / look-up 10 accepted of 20 tested, 50\.0 %/);
  });

  it('says when all messages are padded and sent at intervals', async () => {
    const idle = await idleStats();
    const shaping = { padBytes: 64, aggregateMs: 100, connectionCount: 3 };
    const text = topText(
      { ...idle, core: { ...idle.core, cover: shaping, coverCount: 1200 } },
      null,
    );
    assert.match(
      text,
      /shaping +all messages padded from 64 bytes, each 100 ms; 3 connections, 1.200/,
    );
  });

  const away = new PilotfishError('server-unreachable', 'no server answers');

  /** Watches until there is no answer left. */
  async function watched(screen: Screen, answers: (ServerStats | Error)[]): Promise<string[]> {
    const stop = new AbortController();
    const terminal: Terminal = { out: screen, err: screen, env: {}, signal: stop.signal };
    const seen: string[] = [];
    const ask = async (): Promise<ServerStats> => {
      const answer = answers.shift()!;
      if (answer instanceof Error) throw answer;
      return answer;
    };
    const pause = async (): Promise<void> => {
      seen.push(screen.text);
      if (answers.length === 0) stop.abort();
    };
    await watch(ask, pause, terminal);
    return seen;
  }

  it('goes on watching a server that was away, but not one that was never there', async () => {
    const stats = await idleStats();
    const seen = await watched(new Screen(60, 20), [stats, away, { ...stats, uptimeMs: 1 }]);
    assert.match(seen[0]!, /^scripted/);
    assert.equal(seen[1], 'no server answers; trying again, Ctrl-C stops\n');
    assert.match(seen[2]!, /^scripted/);
    await assert.rejects(watched(new Screen(60, 20), [away]), { code: 'server-unreachable' });
  });

  it('draws over itself on a screen that is lower than the view', async () => {
    const stats = await idleStats();
    const seen = await watched(new Screen(30, 5), [stats, stats, stats]);
    assert.equal(seen[2], seen[1]);
    assert.equal(seen[2]!.split('\n').length, 5);
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
