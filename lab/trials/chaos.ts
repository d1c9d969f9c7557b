// Server, device and gateway are killed, told to end, stopped for a while and cut off from each other at random moments
// while answers are being written. Every text is the target's own, and in the end nothing is left of anybody.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../src/base/assert.js';
import { processesOf } from '../../src/cli/processes/cli-process.js';
import { isOffered, modes, schemes } from '../../src/protocol/frame.js';
import { Random } from '../../src/sim/random.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import {
  type ChaosFault,
  type ChaosResult,
  chaosFaults,
  type FaultResult,
  recoveryMsMax,
} from './chaos-fault.js';
import { chaosFindings } from './chaos-findings.js';
import { answerMsMax, type ChaosRequest, ChaosSetup, type Writing } from './chaos-setup.js';

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

const variants = schemes.flatMap((scheme) =>
  modes.filter((mode) => isOffered(scheme, mode)).map((mode) => ({ scheme, mode })),
);

/**
 * Strikes so many times.
 *
 * @throws InvariantError for another text, an answer that does not go on, and whatever is left behind.
 */
export async function playChaos(
  { seed, note, signal }: Pick<ExperimentContext, 'seed' | 'note' | 'signal'>,
  faultCount: number,
): Promise<ChaosResult> {
  const mark = randomUUID();
  const setup = await ChaosSetup.open(mark, resumeSeconds);
  const random = new Random(seed, 'chaos');
  const results: FaultResult[] = [];
  let tokenCount = 0;
  try {
    const expected = await expectations(setup);
    while (results.length < faultCount && !signal.aborted) {
      // Each in its turn, so that few strikes meet everything as well.
      const fault = chaosFaults[results.length % chaosFaults.length]!;
      results.push(await round(setup, expected, fault, random));
      tokenCount += 2 * tokensMax;
      if (results.length % chaosFaults.length === 0)
        note(`${results.length} of ${faultCount} strikes`);
    }
    return { struck: results, tokenCount, left: await nothingLeft(setup, mark) };
  } finally {
    await setup.close();
  }
}

async function expectations(setup: ChaosSetup): Promise<Expected[]> {
  const expected: Expected[] = [];
  for (const [index, prompt] of prompts.entries()) {
    for (const temperature of [0, 0.8]) {
      const request = { prompt, temperature, seed: index + 1, tokensMax };
      const answer = setup.ask(request, temperature === 0 ? 'greedy' : 'coupled', 'stream');
      await until(() => answer.isOver);
      const { tokens } = answer;
      assert(tokens.length === tokensMax, `the target writes ${tokens.length} tokens`);
      expected.push({ request, tokens, text: await setup.targetText(request) });
    }
  }
  return expected;
}

/** Two answers, one strike, and both texts. */
async function round(
  setup: ChaosSetup,
  expected: readonly Expected[],
  fault: ChaosFault,
  random: Random,
): Promise<FaultResult> {
  const { scheme, mode } = random.pick(variants);
  // What chance has no part in is told by its text, whatever the scheme.
  const isSampled = scheme === 'coupled';
  const asked = random.pick(
    expected.filter(({ request }) => request.temperature > 0 === isSampled),
  );
  const other = random.pick(expected);
  const line = setup.ask(asked.request, scheme, mode);
  const http = setup.askGateway(other.request, other.text);
  const both: readonly Writing[] = [line, http];
  const concerned = { device: [line], gateway: [http], server: both, connections: both };
  const first = fault.victim === 'gateway' ? http : line;
  const from = random.below(tokensMax - 8);
  await until(() => first.isOver || first.count >= from);
  await sleep(random.within([0, 15]));
  const open = concerned[fault.victim].filter((writing) => !writing.isOver);
  await hit(setup, fault, random);
  const recoveryMs = await Promise.all(open.filter((writing) => !writing.isOver).map(recovery));
  await until(() => both.every((writing) => writing.isOver));
  const what = `${fault.victim} ${fault.way}, ${scheme} ${mode}`;
  assert(line.tokens.join() === asked.tokens.join(), `another text after ${what}`);
  assert(http.text === other.text, `another text over HTTP after ${what}: ${http.text}`);
  return { strike: fault, scheme, mode, openCount: open.length, recoveryMs };
}

/** Milliseconds until an answer has gone on, or ended. */
async function recovery(writing: Writing): Promise<number> {
  const fromMs = performance.now();
  const { count } = writing;
  await until(() => writing.isOver || writing.count !== count, recoveryMsMax);
  return performance.now() - fromMs;
}

/** Strikes, and returns when the victim is back. */
async function hit(
  setup: ChaosSetup,
  { victim, way: variant }: ChaosFault,
  random: Random,
): Promise<void> {
  if (victim === 'connections') {
    setup.link.cut(() => true);
    return;
  }
  const process = setup[victim];
  if (variant === 'SIGSTOP') {
    process.signal('SIGSTOP');
    await sleep(random.within([50, 1500]));
    process.signal('SIGCONT');
    return;
  }
  await process.end(variant);
  if (victim === 'device') setup.restartDevice();
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
async function nothingLeft(setup: ChaosSetup, mark: string): Promise<ChaosResult['left']> {
  const untilMs = performance.now() + 4_000 * resumeSeconds;
  await Promise.all([setup.device.end('SIGTERM'), setup.gateway.end('SIGTERM')]);
  for (;;) {
    const { connectionCount, sessionCount, slotsOwned } = await setup.stats();
    const left = { connectionCount, sessionCount, slotsOwned };
    if (Object.values(left).every((count) => count === 0)) {
      await setup.server.end('SIGTERM');
      const processCount = processesOf(mark)?.length ?? null;
      assert((processCount ?? 0) === 0, `${processCount} processes are left`);
      return { ...left, processCount };
    }
    assert(performance.now() < untilMs, `chaos left something behind: ${JSON.stringify(left)}`);
    await sleep(100);
  }
}
