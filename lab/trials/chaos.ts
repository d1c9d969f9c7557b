// Kills, ends and stops server, device and gateway and cuts their connections at random moments of
// an answer. Every text is the target's own, and in the end nothing is left.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../src/base/assert.js';
import { processesOf } from '../../src/cli/processes/cli-process.suite.js';
import { median } from '../../src/math/statistics.js';
import type { Mode, Scheme } from '../../src/protocol/frame.js';
import { Random } from '../../src/sim/random.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import type { Measured } from '../report/text.js';
import { answerMsMax, type ChaosRequest, ChaosSetup, type Writing } from './chaos-setup.js';
import { schemeModes } from './toy-texts.js';
import { untilRestored } from './trial-server.js';

const tokensMax = 96;
const prompts = ['The old clock', 'Once upon a time there was a', 'Lily and Tom went to'];
const resumeSeconds = 5;

export const chaosTrial: Experiment = {
  id: 'chaos',
  minutes: 15,
  run: async (context) => {
    const strikeCount = context.isQuick ? 20 : 200;
    return measuredOf(await runChaos(context, (runs) => runs.length >= strikeCount));
  },
};

/** For a device's start with its model, and its longest wait to dial. */
const recoveryMsMax = 30_000;

/** What is struck, and how: the processes by signals, the link by a reset. */
export const chaosFaults = [
  ...(['server', 'device', 'gateway'] as const).flatMap((target) =>
    (['SIGKILL', 'SIGTERM', 'SIGSTOP'] as const).map((by) => ({ target, by })),
  ),
  { target: 'connections', by: 'reset' },
] as const;
type ChaosFault = (typeof chaosFaults)[number];

interface StrikeRun {
  readonly strike: ChaosFault;
  readonly scheme: Scheme;
  readonly mode: Mode;
  /** Answers that were being written, and that it concerned. */
  readonly openCount: number;
  /** From when all was back until each of them went on that had not ended until then. */
  readonly recoveryMs: readonly number[];
}

/** A request, and the only answer that may come of it. */
interface Expected {
  readonly request: ChaosRequest;
  readonly tokens: readonly number[];
  readonly text: string;
}

interface Chaos {
  readonly runs: readonly StrikeRun[];
  /** What was left, by name: zeros, or null where the system does not tell. */
  readonly left: Readonly<Record<string, number | null>>;
}

/**
 * Strikes until `isEnough`.
 *
 * @throws InvariantError for another text, a stalled answer, and what is left behind.
 */
export async function runChaos(
  { seed, note, signal }: Pick<ExperimentContext, 'seed' | 'note' | 'signal'>,
  isEnough: (runs: readonly StrikeRun[]) => boolean,
): Promise<Chaos> {
  const mark = randomUUID();
  const setup = await ChaosSetup.open(mark, resumeSeconds);
  const random = new Random(seed, 'chaos');
  const runs: StrikeRun[] = [];
  try {
    const expected = await expectations(setup);
    while (!isEnough(runs) && !signal.aborted) {
      // Each in its turn, so that few strikes meet everything as well.
      const fault = chaosFaults[runs.length % chaosFaults.length]!;
      runs.push(await round(setup, expected, fault, random));
      if (runs.length % chaosFaults.length === 0) note(`${runs.length} strikes`);
    }
    return { runs, left: await nothingLeft(setup, mark) };
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
): Promise<StrikeRun> {
  const { scheme, mode } = random.pick(schemeModes);
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
  const first = fault.target === 'gateway' ? http : line;
  const from = random.below(tokensMax / 2);
  await until(() => first.isOver || first.count >= from);
  await sleep(random.within([0, 8]));
  const open = concerned[fault.target].filter((writing) => !writing.isOver);
  await hit(setup, fault, random);
  const recoveryMs = await Promise.all(open.filter((writing) => !writing.isOver).map(recovery));
  await until(() => both.every((writing) => writing.isOver));
  const what = `${fault.target} ${fault.by}, ${scheme} ${mode}`;
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

/** Strikes, and returns when all is back. */
async function hit(setup: ChaosSetup, { target, by }: ChaosFault, random: Random): Promise<void> {
  if (target === 'connections') {
    setup.link.cut(() => true);
    return;
  }
  const process = setup[target];
  if (by === 'SIGSTOP') {
    process.signal('SIGSTOP');
    await sleep(random.within([50, 1500]));
    process.signal('SIGCONT');
    return;
  }
  await process.end(by);
  if (target === 'device') setup.restartDevice();
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

/** Ends all in good order, and looks what is left of sessions, slots, connections and processes. */
async function nothingLeft(setup: ChaosSetup, mark: string): Promise<Chaos['left']> {
  await Promise.all([setup.device.end('SIGTERM'), setup.gateway.end('SIGTERM')]);
  const none = { connectionCount: 0, sessionCount: 0, slotsOwned: 0 };
  await untilRestored(
    'chaos',
    () => setup.stats(),
    (core) => core,
    none,
    4_000 * resumeSeconds,
  );
  await setup.server.end('SIGTERM');
  const processCount = processesOf(mark)?.length ?? null;
  assert((processCount ?? 0) === 0, `${processCount} processes are left`);
  return { ...none, processCount };
}

/** What some strikes met; null times where nothing had to recover. */
function countsOf(runs: readonly StrikeRun[]) {
  const all = runs.flatMap(({ recoveryMs }) => recoveryMs);
  const isAny = all.length > 0;
  return {
    strikes: runs.length,
    open: runs.reduce((sum, { openCount }) => sum + openCount, 0),
    median: isAny ? median(all) : null,
    worst: isAny ? Math.max(...all) : null,
  };
}

function measuredOf({ runs, left }: Chaos): Measured {
  const askedOf = ({ scheme, mode }: StrikeRun): string => `${scheme}, ${mode}`;
  const { open, worst } = countsOf(runs);
  const names = Object.entries(left).map(([name, count]) => `${name} ${count ?? 'not told'}`);
  return {
    values: {
      ...{ strikes: runs.length, open, tokens: figure(2 * tokensMax * runs.length) },
      ...{ worstSeconds: worst === null ? '-' : figure(worst / 1000), left: names.join(', ') },
      recoverySecondsMax: recoveryMsMax / 1000,
    },
    tables: {
      chaos: chaosFaults.map((fault) => ({
        ...{ victim: fault.target, way: fault.by },
        ...countsOf(runs.filter((one) => one.strike === fault)),
      })),
      ways: [...new Set(runs.map(askedOf))].sort().map((asked) => ({
        asked,
        ...countsOf(runs.filter((one) => askedOf(one) === asked)),
      })),
    },
  };
}
