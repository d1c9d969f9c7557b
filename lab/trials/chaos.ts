// Server, device and gateway are killed, told to end, stopped for a while and cut off from each other at random moments
// while answers are being written. Every text is the target's own, and in the end nothing is left of anybody.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../src/base/assert.js';
import { processesOf } from '../../src/cli/processes/cli-process.suite.js';
import { isOffered, modes, schemes } from '../../src/protocol/frame.js';
import { Random } from '../../src/sim/random.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import { chaosFindings } from './chaos-findings.js';
import { answerMsMax, type ChaosRequest, ChaosScene, type Writing } from './chaos-scene.js';
import { type Chaos, recoveryMsMax, type Strike, type Struck, strikes } from './strike.js';

const strikesDefault = 200;
const strikesQuick = 20;
const tokensMax = 48;
const prompts = ['The old clock', 'Once upon a time there was a', 'Lily and Tom went to'];
const resumeSeconds = 5;
export const chaosTrial: Experiment = {
  id: 'chaos',
  title: 'Processes killed at random moments',
  question: 'What becomes of answers while server, device, gateway and links are struck down?',
  minutes: 15,
  run: async (context) =>
    chaosFindings(await playChaos(context, context.isQuick ? strikesQuick : strikesDefault)),
};

/** A request, and the only answer that may come of it. */
interface Expected {
  readonly request: ChaosRequest;
  readonly tokens: readonly number[];
  readonly text: string;
}

const ways = schemes.flatMap((scheme) =>
  modes.filter((mode) => isOffered(scheme, mode)).map((mode) => ({ scheme, mode })),
);

/**
 * Strikes so many times.
 *
 * @throws InvariantError for another text, an answer that does not go on, and whatever is left behind.
 */
export async function playChaos(
  { seed, note, signal }: Pick<ExperimentContext, 'seed' | 'note' | 'signal'>,
  strikeCount: number,
): Promise<Chaos> {
  const mark = randomUUID();
  const scene = await ChaosScene.open(mark, resumeSeconds);
  const random = new Random(seed, 'chaos');
  const struck: Struck[] = [];
  let tokenCount = 0;
  try {
    const expected = await expectations(scene);
    while (struck.length < strikeCount && !signal.aborted) {
      // Each in its turn, so that few strikes meet everything as well.
      const strike = strikes[struck.length % strikes.length]!;
      struck.push(await round(scene, expected, strike, random));
      tokenCount += 2 * tokensMax;
      if (struck.length % strikes.length === 0) note(`${struck.length} of ${strikeCount} strikes`);
    }
    return { struck, tokenCount, left: await nothingLeft(scene, mark) };
  } finally {
    await scene.close();
  }
}

async function expectations(scene: ChaosScene): Promise<Expected[]> {
  const expected: Expected[] = [];
  for (const [index, prompt] of prompts.entries()) {
    for (const temperature of [0, 0.8]) {
      const request = { prompt, temperature, seed: index + 1, tokensMax };
      const answer = scene.ask(request, temperature === 0 ? 'greedy' : 'coupled', 'stream');
      await until(() => answer.isOver);
      const { tokens } = answer;
      assert(tokens.length === tokensMax, `the target writes ${tokens.length} tokens`);
      expected.push({ request, tokens, text: await scene.targetText(request) });
    }
  }
  return expected;
}

/** Two answers, one strike, and both texts. */
async function round(
  scene: ChaosScene,
  expected: readonly Expected[],
  strike: Strike,
  random: Random,
): Promise<Struck> {
  const { scheme, mode } = random.pick(ways);
  // What chance has no part in is told by its text, whatever the scheme.
  const isSampled = scheme === 'coupled';
  const asked = random.pick(
    expected.filter(({ request }) => request.temperature > 0 === isSampled),
  );
  const other = random.pick(expected);
  const line = scene.ask(asked.request, scheme, mode);
  const http = scene.askGateway(other.request, other.text);
  const both: readonly Writing[] = [line, http];
  const concerned = { device: [line], gateway: [http], server: both, connections: both };
  const first = strike.victim === 'gateway' ? http : line;
  const from = random.below(tokensMax - 8);
  await until(() => first.isOver || first.count >= from);
  await sleep(random.within([0, 15]));
  const open = concerned[strike.victim].filter((writing) => !writing.isOver);
  await hit(scene, strike, random);
  const recoveryMs = await Promise.all(open.filter((writing) => !writing.isOver).map(recovery));
  await until(() => both.every((writing) => writing.isOver));
  const what = `${strike.victim} ${strike.way}, ${scheme} ${mode}`;
  assert(line.tokens.join() === asked.tokens.join(), `another text after ${what}`);
  assert(http.text === other.text, `another text over HTTP after ${what}: ${http.text}`);
  return { strike, scheme, mode, openCount: open.length, recoveryMs };
}

/** Milliseconds until an answer has gone on, or ended. */
async function recovery(writing: Writing): Promise<number> {
  const fromMs = performance.now();
  const { count } = writing;
  await until(() => writing.isOver || writing.count !== count, recoveryMsMax);
  return performance.now() - fromMs;
}

/** Strikes, and returns when the victim is back. */
async function hit(scene: ChaosScene, { victim, way }: Strike, random: Random): Promise<void> {
  if (victim === 'connections') {
    scene.link.cut(() => true);
    return;
  }
  const process = scene[victim];
  if (way === 'SIGSTOP') {
    process.signal('SIGSTOP');
    await sleep(random.within([50, 1500]));
    process.signal('SIGCONT');
    return;
  }
  await process.end(way);
  if (victim === 'device') scene.restartDevice();
  else {
    await sleep(random.within([0, 300]));
    await process.start();
  }
}

async function until(isSo: () => boolean, msMax = answerMsMax): Promise<void> {
  const untilMs = performance.now() + msMax;
  while (!isSo()) {
    assert(performance.now() < untilMs, `an answer does not go on for ${figure(msMax)} ms`);
    await sleep(2);
  }
}

/** Ends everybody in good order, and looks what is left of sessions, slots, connections and processes. */
async function nothingLeft(scene: ChaosScene, mark: string): Promise<Chaos['left']> {
  const untilMs = performance.now() + 4_000 * resumeSeconds;
  await Promise.all([scene.device.end('SIGTERM'), scene.gateway.end('SIGTERM')]);
  for (;;) {
    const { connectionCount, sessionCount, slotsOwned } = await scene.stats();
    const left = { connectionCount, sessionCount, slotsOwned };
    if (Object.values(left).every((count) => count === 0)) {
      await scene.server.end('SIGTERM');
      const processCount = processesOf(mark)?.length ?? null;
      assert((processCount ?? 0) === 0, `${processCount} processes are left`);
      return { ...left, processCount };
    }
    assert(performance.now() < untilMs, `chaos left something behind: ${JSON.stringify(left)}`);
    await sleep(100);
  }
}
