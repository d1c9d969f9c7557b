// Runs one `pilotfish serve` and two `pilotfish device` processes with different drafters, bundled
// models and real sockets. Texts equal target-only texts where the scheme promises it, and follow
// the target's law elsewhere.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { findBundled } from '../../engine/llama/bundled.js';
import { loadLlamaEngine } from '../../engine/llama/index.js';
import { jointLaw } from '../../engine/local/target-law.suite.js';
import { chiSquareFit } from '../../math/chi-square.suite.js';
import { plainSampling, type Sampling } from '../../math/sampling.js';
import { isOffered, type Mode, modes, type Scheme } from '../../protocol/frame.js';
import { CliServer, freePort } from './cli-process.suite.js';
import { run } from './command.suite.js';
import { type LineAnswer, LineDevice } from './line-device.suite.js';
import { type Namespaces, namespacePair } from './namespaces.suite.js';

const served = ['-m', 'stories-target', '-t', '1', '-c', '128', '--slots', '8', '--deterministic'];
const drafters = {
  'Q8_0 draft': ['-md', 'stories-draft'],
  'F16 draft': ['-md', 'stories-draft-f16'],
  'suffix look-up': ['-md', 'suffix'],
  'no draft': ['-md', 'none'],
} as const;
type DrafterName = keyof typeof drafters;
/** Pairs of devices that share a server. */
const pairs: readonly (readonly [DrafterName, DrafterName])[] = [
  ['Q8_0 draft', 'suffix look-up'],
  ['F16 draft', 'no draft'],
];

/** With repeated phrases, so that a look-up finds drafts. */
const prompts = [
  'The old clock in the hall had stopped. The old clock in the',
  'Once upon a time, a fox named Ember met a fox named',
  'Lily and Tom went to the park. Lily and Tom',
];
const tokensMax = 32;
const slotsOfDevice = 4;

class Trio {
  readonly devices: readonly LineDevice[];
  readonly #server: CliServer;

  private constructor(server: CliServer, devices: readonly LineDevice[]) {
    this.#server = server;
    this.devices = devices;
  }

  /** @param spaces where the processes run; null: all on loopback. */
  static async start(names: readonly DrafterName[], spaces: Namespaces | null): Promise<Trio> {
    const port = await freePort();
    const host = spaces?.address ?? '127.0.0.1';
    const server = new CliServer(
      port,
      [...served, '--host', host, '--insecure-open-to-network'],
      spaces ? { launcher: spaces.serverLauncher } : {},
    );
    await server.start();
    const devices = names.map((name) => {
      const args = [...drafters[name], '-t', '1', '-c', '128'];
      return new LineDevice(name, `ws://${host}:${port}`, args, spaces?.deviceLauncher);
    });
    return new Trio(server, devices);
  }

  async close(): Promise<void> {
    await Promise.all(this.devices.map((device) => device.kill()));
    await this.#server.kill();
  }
}

async function withTrio(
  names: readonly DrafterName[],
  spaces: Namespaces | null,
  use: (devices: readonly LineDevice[]) => Promise<void>,
): Promise<void> {
  const trio = await Trio.start(names, spaces);
  await use(trio.devices).finally(() => trio.close());
}

const modesOf = (scheme: Scheme): Mode[] => modes.filter((mode) => isOffered(scheme, mode));

interface TextCase {
  readonly prompt: string;
  readonly scheme: 'greedy' | 'coupled';
  readonly temperature: number;
  readonly seed: string;
}

const textCases: readonly TextCase[] = prompts.flatMap((prompt, index) => [
  { prompt, scheme: 'greedy', temperature: 0, seed: '0' },
  { prompt, scheme: 'coupled', temperature: 0.8, seed: `${index + 1}` },
]);

/** The text of `pilotfish generate` without a draft. */
async function aloneTokens({ prompt, temperature, seed }: TextCase): Promise<number[]> {
  const law = [
    '--temp',
    `${temperature}`,
    '--seed',
    seed,
    '--top-k',
    '0',
    '--top-p',
    '1',
    '--min-p',
    '0',
  ];
  const args = ['generate', '--deterministic', '-n', `${tokensMax}`, '-t', '1', '-c', '128'];
  const { out, err, code } = await run([...args, ...law, '--json', prompt]);
  assert.equal(code, 0, err);
  return JSON.parse(out).tokens;
}

/**
 * Compares every mode in both schemes on one device, while the other device uses the server too.
 */
async function compareTexts(
  device: LineDevice,
  expected: readonly (readonly number[])[],
): Promise<number> {
  const cases = textCases.flatMap((request, index) =>
    modesOf(request.scheme).map((mode) => ({ request, mode, text: expected[index]! })),
  );
  const requests = cases.map(({ request, mode }) => ({ ...request, mode, maxTokens: tokensMax }));
  const answers = await device.askAll(requests, slotsOfDevice);
  for (const [index, { request, mode, text }] of cases.entries()) {
    const what = `${device.name}, ${request.scheme}, ${mode}: ${request.prompt}`;
    assert.deepEqual(answers[index]!.tokens, text, what);
  }
  return testedIn(answers);
}

const testedIn = (answers: readonly LineAnswer[]): number =>
  answers.reduce((sum, { statistics }) => sum + statistics.testedCount, 0);

/** A comparison without tested drafts would show nothing. */
function assertTested(name: string, tested: number, least: number): void {
  assert.ok(name === 'no draft' ? tested === 0 : tested >= least, `${name}: ${tested} tested`);
}

describe('text of two devices and a server', () => {
  let expected: (readonly number[])[];
  before(async () => {
    expected = [];
    for (const one of textCases) expected.push(await aloneTokens(one));
  });

  async function compareAll(some: typeof pairs, spaces: Namespaces | null): Promise<string[]> {
    const news: string[] = [];
    for (const pair of some) {
      await withTrio(pair, spaces, async (devices) => {
        const tested = await Promise.all(devices.map((device) => compareTexts(device, expected)));
        for (const [index, name] of pair.entries()) {
          assertTested(name, tested[index]!, 1);
          news.push(`${name}: ${tested[index]} drafts tested`);
        }
      });
    }
    return news;
  }

  it('is what generate writes without a draft: greedy, coupled, every mode, every drafter', async (t) => {
    t.diagnostic((await compareAll(pairs, null)).join(', '));
  });

  it('is the same between network namespaces', async (t) => {
    const spaces = namespacePair();
    if ('missing' in spaces) {
      t.skip(spaces.missing);
      return;
    }
    await compareAll(pairs.slice(0, 1), spaces).finally(() => spaces.close());
  });
});

describe('laws of two devices and a server', () => {
  const sampling: Sampling = { ...plainSampling, temperature: 1, topK: 3 };
  const schemes = ['agreement', 'split', 'full'] as const;
  /**
   * All cells of a prompt together, 1152 answers, refuse the same target at temperature 0.6 in 999
   * of 1000 tries.
   */
  const answersOfCell = 96;
  /** Each cell has two tests: the first token, and the first two together. */
  const testCount = 2 * schemes.length * Object.keys(drafters).length * 2;
  const falseAlarm = 1e-6;
  const lawPrompts = prompts.slice(0, 2);
  /** Of the first two tokens after each prompt, by the ids. */
  const laws = new Map<string, Map<string, number>>();
  /** The target's law at another temperature, as an example of a wrong law. */
  const wrongLaws = new Map<string, Map<string, number>>();
  let cellCount = 0;
  /** The texts of all cells after each prompt. */
  const written = new Map<string, string[]>(lawPrompts.map((prompt) => [prompt, []]));

  before(async () => {
    const { path: modelPath } = findBundled('stories-target')!;
    const target = await loadLlamaEngine({
      modelPath,
      threads: 1,
      contextLength: 128,
      probe: false,
      deterministic: true,
    });
    for (const prompt of lawPrompts) {
      const ids = target.info.vocabulary.tokenize(prompt, { addBos: true, parseSpecial: false });
      laws.set(prompt, await jointLaw(target, ids, sampling, 2));
      wrongLaws.set(prompt, await jointLaw(target, ids, { ...sampling, temperature: 0.6 }, 2));
    }
    await target.close();
  });

  function pValueOf(texts: readonly string[], law: ReadonlyMap<string, number>): number {
    const counts = new Map([...law.keys()].map((text) => [text, 0]));
    for (const text of texts) {
      assert.ok(counts.has(text), `text ${text} has probability 0 under the target`);
      counts.set(text, counts.get(text)! + 1);
    }
    return chiSquareFit([...counts.values()], [...law.values()]).pValue;
  }

  const firstOf = (text: string): string => text.split(' ')[0]!;

  function firstLaw(law: ReadonlyMap<string, number>): Map<string, number> {
    const sums = new Map<string, number>();
    for (const [text, prob] of law) {
      sums.set(firstOf(text), (sums.get(firstOf(text)) ?? 0) + prob);
    }
    return sums;
  }

  /** Answers of three tokens, so that the second can be drafted too; the modes take turns. */
  async function askCell(device: LineDevice, scheme: Scheme, prompt: string): Promise<number> {
    const offered = modesOf(scheme);
    const requests = Array.from({ length: answersOfCell }, (_, seed) => ({
      prompt,
      scheme,
      mode: offered[seed % offered.length],
      maxTokens: 3,
      temperature: sampling.temperature,
      topK: sampling.topK,
      // No two answers of the test share a seed.
      seed: `${seed + answersOfCell * cellCount++}`,
    }));
    const answers = await device.askAll(requests, slotsOfDevice);
    const texts = answers.map(({ tokens }) => tokens.slice(0, 2).join(' '));
    written.get(prompt)!.push(...texts);
    const what = `${device.name}, ${scheme}: ${prompt}`;
    const joint = pValueOf(texts, laws.get(prompt)!);
    assert.ok(joint > falseAlarm / testCount, `${what}: two tokens, p ${joint}`);
    const first = pValueOf(texts.map(firstOf), firstLaw(laws.get(prompt)!));
    assert.ok(first > falseAlarm / testCount, `${what}: first token, p ${first}`);
    return testedIn(answers);
  }

  for (const pair of pairs) {
    it(`agreement, split and full draw from the target's law: ${pair.join(' beside ')} (false alarm 1e-6)`, async (t) => {
      await withTrio(pair, null, async (devices) => {
        const work = devices.map(async (device) => {
          let tested = 0;
          for (const scheme of schemes) {
            for (const prompt of lawPrompts) tested += await askCell(device, scheme, prompt);
          }
          assertTested(device.name, tested, 100);
          t.diagnostic(`${device.name}: ${tested} drafts tested`);
        });
        await Promise.all(work);
      });
    });
  }

  after(() => {
    // These counts can distinguish laws: together they refuse the same target at another
    // temperature.
    for (const prompt of lawPrompts) {
      const wrong = pValueOf(written.get(prompt)!, wrongLaws.get(prompt)!);
      assert.ok(wrong < falseAlarm, `${prompt}: p ${wrong} under a wrong law`);
    }
  });
});
