// Sends the attacks of costly-attacks.ts against a server with a real model, one after another,
// with an honest stream of another key beside each. Measures how late the server's event loop is.

import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../src/base/assert.js';
import { startChild } from '../../src/cli/demo/child.js';
import { type Client, connect } from '../../src/device/index.js';
import { plainSampling } from '../../src/math/sampling.js';
import { median } from '../../src/math/statistics.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import type { Measured } from '../report/text.js';
import { costlyAttacks } from './costly-attacks.js';
import type { CostlySpec } from './costly-process.js';
import { TrialKeys } from './trial-keys.js';
import { startTrialServer, type TrialServer } from './trial-server.js';

const model = 'stories-target';
const spec = { slotCount: 8, contextLength: 512, passMs: 0, resumeMs: 500, silenceMs: 60_000 };
/** The honest stream has to keep this share of its pace beside every attack. */
const shareMin = 0.1;
const [honestKey, evilKey] = [0, 1];
/** The event loop has to be late by less beside every attack, at the 99.9th percentile. */
const delayMsMax = 20;
/** What exceeds it is measured so often, and the median counts: other work of the machine ends. */
const turnsMax = 3;
/** Between two attacks: what is left of one is no work of the next. */
const pauseMs = 5_000;

export const costlyTrial: Experiment = { id: 'costly', minutes: 9, run };

async function run({ isQuick, note, signal }: ExperimentContext): Promise<Measured> {
  const keys = new TrialKeys(2);
  const server = await startTrialServer({ ...spec, keysPath: keys.path, tls: null, model });
  const url = `ws://127.0.0.1:${server.port}`;
  const key = keys.tokenOf(honestKey);
  const client = await connect({ url, key, drafter: { kind: 'none' }, fallback: 'wait' });
  const rows: Row[] = [];
  try {
    await pace(client, 3_000);
    const seconds = isQuick ? 5 : 30;
    for (const { name } of [{ name: null }, ...costlyAttacks]) {
      if (signal.aborted) break;
      const own = { port: server.port, key: keys.tokenOf(evilKey), name: name ?? '' };
      rows.push(await beside(name, { server, client, seconds }, own));
      const { attack, before, during, delay } = rows.at(-1)!;
      const paces = `${figure(before)} tokens/s before, ${figure(during)} beside it`;
      note(`${attack}: ${paces}, loop late by ${figure(delay)} ms (p99.9)`);
    }
  } finally {
    await client.close();
    await server.stop();
    keys.remove();
  }
  const late = rows.filter(({ delay }) => delay > delayMsMax).map(({ attack }) => attack);
  assert(isQuick || late.length === 0, `the loop is late by more than ${delayMsMax} ms: ${late}`);
  return measuredOf(rows);
}

type Row = Awaited<ReturnType<typeof beside>>;

interface Fixture {
  readonly server: TrialServer;
  readonly client: Client;
  readonly seconds: number;
}

/** @param name of the attack; null: there is none, and the machine's own noise is measured. */
async function beside(name: string | null, { server, client, seconds }: Fixture, own: CostlySpec) {
  await sleep(pauseMs);
  const before = await pace(client, 4_000);
  // The delays are those from here on.
  await server.holding(false);
  const script = new URL('./costly-process.js', import.meta.url);
  const attacker =
    name === null
      ? null
      : await startChild<object, object, { readonly answered: number }>(script, own);
  const turns = [await turnOf({ server, client, seconds })];
  const isEnough = turns[0]!.delay <= delayMsMax;
  while (!isEnough && turns.length < turnsMax) {
    turns.push(await turnOf({ server, client, seconds }));
  }
  const during = median(turns.map((turn) => turn.during));
  const delay = median(turns.map((turn) => turn.delay));
  const max = Math.max(...turns.map((turn) => turn.max));
  const answered = attacker === null ? 0 : (await attacker.ask({})).answered;
  await attacker?.stop();
  assert(during >= shareMin * before, `${name}: ${during} of ${before} tokens a second`);
  return { attack: name ?? 'none', before, during, delay, max, turns: turns.length, answered };
}

/** Delays since the last question. */
async function turnOf({ server, client, seconds }: Fixture) {
  const during = await pace(client, seconds * 1_000);
  const { p999: delay, max } = (await server.holding(false)).loopDelayMs;
  return { during, delay, max };
}

/** Tokens a second of one answer after another. */
async function pace(client: Client, ms: number): Promise<number> {
  const startedMs = performance.now();
  let count = 0;
  while (performance.now() < startedMs + ms) {
    const prompt = 'The old clock';
    const request = { prompt, sampling: plainSampling, seed: BigInt(count), tokensMax: 50 };
    count += (await client.generate(request).result).tokens.length;
  }
  return (1_000 * count) / (performance.now() - startedMs);
}

function measuredOf(rows: readonly Row[]): Measured {
  const [quiet, ...attacked] = rows;
  const worst = (name: 'delay' | 'max'): string =>
    figure(Math.max(...attacked.map((row) => row[name])));
  return {
    values: {
      kinds: attacked.length,
      share: figure(Math.min(...attacked.map(({ before, during }) => during / before))),
      ...{ delay: worst('delay'), quiet: figure(quiet?.delay ?? 0), shareMin, delayMsMax },
    },
    tables: { costly: rows },
  };
}
