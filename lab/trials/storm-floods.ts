// Sends the floods of flood-attacks.ts against a server with keys, in turns with calm, and compares
// the answers of an honest device in both. Checks that nothing is left.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../src/base/assert.js';
import { type Client, connect } from '../../src/device/index.js';
import { bannedEnd } from '../../src/engine/scripted-vocabulary.js';
import { median, quantile } from '../../src/math/statistics.js';
import type { ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import { type FloodAttack, floodAttacks, runFlood } from './flood-attacks.js';
import { TrialKeys } from './trial-keys.js';
import {
  type Holding,
  MiB,
  startTrialServer,
  type TrialServer,
  type TrialSpec,
  trialCertificate,
  untilRestored,
} from './trial-server.js';

/**
 * Of the 95th percentile in the turn without the flood before, in the middle of all turns. Server,
 * flood and device share two cores, so that a flood costs the device something even where the
 * server ignores it: 0.94 to 1.23 on a quiet machine. Without the pacing of sockets up to 43 were
 * measured, or no answer came.
 */
export const slowerMax = 1.25;
/** A flood that seems slower is given so many times the turns. */
const roundsFactorMax = 4;
/** Of one key: a quarter of what the server takes. */
const connectionsOfKey = 256;
export const floodGrowthMiBMax = 100;
/** A device with a new key is served within this time, while another key opens connections. */
const lockOutMsMax = 10_000;
const turnMs = 1_500;
/** A flood has filled its buffers by then. */
const warmMs = 300;
const lockOutMs = 8_000;
/** All floods at once for so long. Of unread Pings alone such a heap was full after one minute. */
export const enduredMinutes = 10;
export const heapMiB = 512;
const answerTokens = 20;
/**
 * What a flood has sent is read at its pace, also when its sender is gone; then what has come of
 * its pictures is kept for a minute.
 */
const restMs = 150_000;

const [honest, evil, newcomer] = [0, 1, 2];

/** @returns a row for each flood, and for all that need no TLS at once. */
export async function stormFloods(
  spec: Omit<TrialSpec, 'keysPath' | 'tls'>,
  context: ExperimentContext,
) {
  const [plain, overTls] = [false, true].map((isTls) =>
    floodAttacks.filter((attack) => attack.isTls === isTls),
  );
  return [...(await floodsOn(spec, plain!, context)), ...(await floodsOn(spec, overTls!, context))];
}

async function floodsOn(
  spec: Omit<TrialSpec, 'keysPath' | 'tls'>,
  attacks: readonly FloodAttack[],
  { isQuick, note, signal }: ExperimentContext,
) {
  const keys = new TrialKeys(3);
  const { isTls } = attacks[0]!;
  const tls = isTls ? trialCertificate(keys.folder) : null;
  if (isTls && tls === null) {
    note('no certificate can be made here, so no flood over TLS');
    keys.remove();
    return [];
  }
  const server = await startTrialServer({ ...spec, heapMiB, keysPath: keys.path, tls });
  try {
    const field = await Field.on(server, keys, tls && readFileSync(tls.cert));
    const rows = [];
    for (const attack of attacks) {
      if (signal.aborted) break;
      const row = await (attack.isLockOut
        ? field.lockOut(attack)
        : field.rounds(attack, isQuick ? 1 : 4));
      rows.push(row);
      const slower = row.ratio === null ? '' : `, ${figure(row.ratio)} times as slow`;
      note(`flood of ${attack.name}: ${row.honest} answers${slower}`);
    }
    if (!signal.aborted && !isTls) {
      rows.push(await field.endure(attacks, isQuick ? 0.2 : enduredMinutes));
    }
    await field.close();
    return rows;
  } finally {
    await server.stop();
    keys.remove();
  }
}

export type FloodRow = Awaited<ReturnType<typeof stormFloods>>[number];

/** A server, an honest device that it serves, and the key of the flood. */
class Field {
  readonly #server: TrialServer;
  readonly #keys: TrialKeys;
  readonly #client: Client;
  readonly #text: string;
  readonly #before: Holding;

  private constructor(parts: {
    readonly server: TrialServer;
    readonly keys: TrialKeys;
    readonly client: Client;
    readonly text: string;
    readonly before: Holding;
  }) {
    this.#server = parts.server;
    this.#keys = parts.keys;
    this.#client = parts.client;
    this.#text = parts.text;
    this.#before = parts.before;
  }

  /** @param ca of the server's certificate; null: it speaks no TLS. */
  static async on(server: TrialServer, keys: TrialKeys, ca: Buffer | null): Promise<Field> {
    const client = await device(server.port, keys.tokenOf(honest), ca);
    const text = await ask(client);
    const parts = { server, keys, client, text };
    await answersFor(turnMs, () => ask(client));
    return new Field({ ...parts, before: await server.holding(true) });
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** Calm and flood in turns. What else a machine does slows single turns: more of them tell. */
  async rounds(attack: FloodAttack, count: number) {
    const calm = new Turns();
    const beside = new Turns();
    const ratios: number[] = [];
    let sentBytes = 0;
    const isSlow = (): boolean => median(ratios) >= slowerMax;
    while (ratios.length < count || (isSlow() && ratios.length < roundsFactorMax * count)) {
      const calmMs = await this.#turn(calm, attack);
      const flooding = this.#flood(attack, turnMs + warmMs);
      await sleep(warmMs);
      ratios.push((await this.#turn(beside, attack)) / calmMs);
      sentBytes += (await flooding).sentBytes;
    }
    await this.#restored(attack);
    const [calmMs, besideMs] = [quantile(calm.tookMs, 0.95), quantile(beside.tookMs, 0.95)];
    const ratio = median(ratios);
    assert(ratio < slowerMax, `beside ${attack.name} answers take ${figure(ratio)} times as long`);
    return {
      ...rowOf(attack, sentBytes, beside),
      ...{ calm: calmMs, beside: besideMs, ratio, calmDelay: median(calm.delaysMs) },
    };
  }

  /** A device with a new key comes again and again, while another key opens connections. */
  async lockOut(attack: FloodAttack) {
    const flooding = this.#flood(attack, lockOutMs);
    const beside = new Turns();
    const token = this.#keys.tokenOf(newcomer);
    const untilMs = performance.now() + lockOutMs - 1_000;
    while (performance.now() < untilMs) {
      const askedMs = performance.now();
      const client = await device(this.#server.port, token, null);
      assert((await ask(client)) === this.#text, `another text beside ${attack.name}`);
      await client.close();
      beside.tookMs.push(performance.now() - askedMs);
    }
    const worstMs = Math.max(...beside.tookMs);
    assert(worstMs < lockOutMsMax, `a new key waited ${figure(worstMs)} ms`);
    const held = await untilRestored(
      attack.name,
      () => this.#server.holding(false),
      ({ core }) => ({ connections: core.connectionCount }),
      // The honest device, the newcomer, and what the server is about to close.
      { connections: connectionsOfKey + 2 },
      restMs,
    );
    beside.add(held);
    const { sentBytes } = await flooding;
    await this.#restored(attack);
    const none = { calm: null, ratio: null, calmDelay: null };
    return { ...rowOf(attack, sentBytes, beside), ...none, beside: quantile(beside.tookMs, 0.95) };
  }

  /** All floods together. The device gets its text now and then, and nothing of them stays. */
  async endure(attacks: readonly FloodAttack[], minutes: number) {
    const together = attacks.filter(({ isLockOut }) => !isLockOut);
    const untilMs = performance.now() + minutes * 60_000;
    const flooding = Promise.all(together.map((one) => this.#flood(one, minutes * 60_000)));
    const count = together.reduce((sum, { connectionCount }) => sum + connectionCount, 0);
    const all = { ...together[0]!, name: 'all of them at once', connectionCount: count };
    const beside = new Turns();
    while (performance.now() < untilMs) await this.#turn(beside, all);
    const sentBytes = (await flooding).reduce((sum, one) => sum + one.sentBytes, 0);
    await this.#restored(all);
    const none = { calm: null, ratio: null, calmDelay: null };
    return { ...rowOf(all, sentBytes, beside), ...none, beside: quantile(beside.tookMs, 0.95) };
  }

  #flood(attack: FloodAttack, ms: number) {
    return runFlood(attack, { port: this.#server.port, token: this.#keys.tokenOf(evil), ms });
  }

  /** @returns the 95th percentile of its answers' times, in milliseconds. */
  async #turn(turns: Turns, { name }: FloodAttack): Promise<number> {
    const { processorMs } = await this.#server.holding(false);
    const startedMs = performance.now();
    const tookMs = await answersFor(turnMs, async () => {
      assert((await ask(this.#client)) === this.#text, `another text beside ${name}`);
    });
    turns.tookMs.push(...tookMs);
    const after = await this.#server.holding(false);
    turns.busy.push((after.processorMs - processorMs) / (performance.now() - startedMs));
    turns.add(after);
    return quantile(tookMs, 0.95);
  }

  /** Nothing of the flood is left, and it has not taken much. */
  async #restored({ name }: FloodAttack): Promise<void> {
    const counts = ({ core, requestCount, pictureBytes }: Holding) => ({
      connections: core.connectionCount,
      sessions: core.sessionCount,
      requests: requestCount,
      pictureBytes,
    });
    const most = counts(this.#before);
    await untilRestored(name, () => this.#server.holding(false), counts, most, restMs);
    const { residentBytes } = await this.#server.holding(false);
    const grownMiB = (residentBytes - this.#before.residentBytes) / MiB;
    assert(grownMiB < floodGrowthMiBMax, `${name} took ${figure(grownMiB)} MiB`);
  }
}

/** What was seen in turns of one kind. */
class Turns {
  readonly tookMs: number[] = [];
  /** Shares of a processor. */
  readonly busy: number[] = [];
  readonly delaysMs: number[] = [];
  peakBytes = 0;

  add({ stallMs, residentBytes }: Holding): void {
    this.delaysMs.push(stallMs);
    this.peakBytes = Math.max(this.peakBytes, residentBytes);
  }
}

const rowOf = ({ name, connectionCount }: FloodAttack, sentBytes: number, turns: Turns) => ({
  ...{ flood: name, count: connectionCount, sent: sentBytes / MiB },
  ...{ honest: turns.tookMs.length, worst: Math.max(...turns.tookMs) },
  ...{ delay: median(turns.delaysMs), peak: turns.peakBytes / MiB },
  busy: turns.busy.length === 0 ? null : 100 * median(turns.busy),
});

function device(port: number, key: string, ca: Buffer | null): Promise<Client> {
  const url = `${ca === null ? 'ws' : 'wss'}://127.0.0.1:${port}`;
  const tls = ca && { tls: { ca } };
  return connect({ url, key, ...tls, drafter: { kind: 'none' }, fallback: 'wait' });
}

async function ask(client: Client): Promise<string> {
  const ids = Int32Array.of(0, 3, 5);
  const request = { ids, sampling: bannedEnd, seed: 7n, tokensMax: answerTokens };
  return (await client.generate(request).result).tokens.join(' ');
}

/** Milliseconds of one answer after another. */
async function answersFor(ms: number, answer: () => Promise<unknown>): Promise<number[]> {
  const untilMs = performance.now() + ms;
  const tookMs: number[] = [];
  do {
    const askedMs = performance.now();
    await answer();
    tookMs.push(performance.now() - askedMs);
  } while (performance.now() < untilMs);
  return tookMs;
}
