// Checks the metrics of both ends: each is named in docs/api.md, no label grows, and sums add the
// right counts.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client, Statistics } from '../../device/index.js';
import { createScriptedEngine } from '../../engine/scripted-engine.js';
import { startServer } from '../../server/index.js';
import type { MetricSource } from '../metrics.js';
import { deviceMetrics } from './device-metrics.js';
import { serverMetrics } from './server-metrics.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', '..');
const page = readFileSync(join(root, 'docs', 'api.md'), 'utf8');

function checkNames(metrics: readonly MetricSource[]): void {
  const names = metrics.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const fact of metrics) {
    assert.match(fact.name, /^[a-z]+(_[a-z]+)*$/);
    assert.equal(fact.kind === 'counter', fact.name.endsWith('_total'), fact.name);
    assert.ok(page.includes(`\`${fact.name}`), `${fact.name} is not in docs/api.md`);
    const labels = fact.kind === 'histogram' ? [] : (fact.labels ?? []);
    assert.ok(labels.every((label) => label === 'mode' || label === 'source'));
  }
}

describe('facts of a device', () => {
  it('sum what its answers counted, and show the newest measurement', () => {
    const client = { isLinked: true, answerCount: 2 } as Client;
    const { sources: metrics, add } = deviceMetrics(client);
    checkNames(metrics);
    const read = (name: string) => metrics.find((fact) => fact.name === name)!.read();
    assert.deepEqual(read('device_round_trip_seconds'), []);
    const counted = new Proxy({} as Statistics, {
      get: (_, key) => (key === 'draftMs' ? null : 3),
    });
    add(counted);
    add(counted);
    assert.equal(read('spec_decode_num_accepted_tokens_total'), 6);
    assert.deepEqual(read('device_round_trip_seconds'), [{ labels: {}, value: 0.003 }]);
    assert.deepEqual(read('draft_token_seconds'), []);
    assert.deepEqual([read('link_up'), read('answers')], [1, 2]);
  });
});

describe('facts of a server', () => {
  it('are all there, from a snapshot that is taken once a scrape', async (t) => {
    const engine = createScriptedEngine();
    const server = await startServer({ engine, port: 0 });
    t.after(async () => {
      await server.close();
      await engine.close();
    });
    let snapshots = 0;
    const stats = () => {
      snapshots++;
      return server.stats();
    };
    const metrics = serverMetrics({ stats });
    checkNames(metrics);
    for (const fact of metrics) {
      const reading = fact.read();
      if (typeof reading === 'number') assert.ok(Number.isFinite(reading), fact.name);
    }
    assert.equal(snapshots, 1);
    await setImmediate();
    metrics[0]!.read();
    assert.equal(snapshots, 2, 'the next scrape got the same snapshot');
  });
});
