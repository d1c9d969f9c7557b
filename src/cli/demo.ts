// Defines `pilotfish demo`, also `npm run demo`: a server, two devices and an emulated link on this
// machine, in under a minute. All numbers are measured while it runs.

import type { Command } from 'commander';
import { toPilotfishError } from '../base/error.js';
import { plainSampling } from '../math/sampling.js';
import { tokenMarks } from './answers/answer-display.js';
import { comparisonTable, reasonText, roundTokensOf, verdictText } from './demo/comparison.js';
import {
  Closers,
  type DemoProcesses,
  draftName,
  startDemo,
  targetName,
} from './demo/demo-processes.js';
import type { DeviceAnswer, DeviceProcess } from './demo/device-process.js';
import { type DemoResult, type DemoTask, Measurement } from './demo/measure.js';
import { storyPrompts } from './demo/openings.js';
import { serveKept } from './demo/serve-kept.js';
import { interruptedExitCode } from './failure.js';
import { addFlags, flag, wholeNumber } from './flags/flags.js';
import { parseSeed, usualLaw } from './flags/sampling-flags.js';
import { closeEngines, type Engines, loadEngines } from './generation/engines.js';
import { generateText } from './generation/generation.js';
import { commandName } from './package-root.js';
import { LineFit, spareColumns } from './screen/line-fit.js';
import { formatBytes, formatDuration } from './screen/numbers.js';
import { legendEntries, type TokenMark, TokenStream } from './screen/render.js';
import { formatTable } from './screen/table.js';
import {
  colourWanted,
  type Exit,
  type Paint,
  painter,
  type Terminal,
  whenAborted,
} from './screen/terminal.js';

const description = `Shows the whole system on this machine with the bundled models: a server process that drafts too, two device processes, one of which drafts nothing, and an emulated link between them. First it shows a text with every token coloured by its origin. Then every mode writes the same texts twice: on an emulated large target, whose passes are slowed down, and on the small target as it is. Takes under a minute and needs no network.

  pilotfish demo
  pilotfish demo --pass-ms 20 --round-trip-ms 100
  pilotfish demo --keep`;

const shownTokens = 64;
const turnTokens = 32;
/** The most readable text of the 24 openings with their own seeds. */
const seedDefault = 13n;
/** No turn starts after this, so that a busy machine needs no more than a minute either. */
const turnsUntilMs = 25_000;

interface DemoOptions {
  readonly seed: bigint;
  readonly prompt?: string;
  readonly roundTripMs: number;
  readonly passMs: number;
  readonly turns: number;
  readonly keep?: boolean;
}

export function addDemo(program: Command, terminal: Terminal, exit: Exit): void {
  const command = program
    .command('demo')
    .summary('watch a server and two devices write a text')
    .description(description);
  addFlags(command, [
    flag('--seed <n>', 'seed of the text, in [0, 2^64)', parseSeed).default(
      seedDefault,
      String(seedDefault),
    ),
    flag('--prompt <text>', 'beginning of the text (default: one of 24 openings)'),
    flag('--round-trip-ms <ms>', 'emulated round trip to the server', wholeNumber(0, 1000)).default(
      40,
    ),
    flag(
      '--pass-ms <ms>',
      'emulated time of a pass of the large target',
      wholeNumber(1, 500),
    ).default(50),
    flag(
      '--turns <n>',
      'texts for comparing the modes, if time allows',
      wholeNumber(1, 24),
    ).default(3),
    flag('--keep', 'keep it running and print commands to try'),
  ]);
  command.action(async () => exit(await demo(command.opts<DemoOptions>(), terminal)));
}

const openingFor = (seed: bigint): string =>
  storyPrompts[Number(seed % BigInt(storyPrompts.length))]!;

/** @returns the exit code: 1 when texts differ that must be equal. */
async function demo(options: DemoOptions, terminal: Terminal): Promise<number> {
  const closers = new Closers();
  terminal.out.write('Starting a server and two devices on this machine ...\n');
  try {
    const stage = await startDemo(options, closers, terminal.env, terminal.signal);
    const loading = { model: draftName, draft: 'none', draftLength: 0, threads: 1 };
    const alone = await loadEngines({ ...loading, deterministic: false }, terminal);
    closers.add(() => closeEngines(alone));
    return await new Demo({ options, stage, alone, terminal }).run();
  } catch (reason) {
    if (toPilotfishError(reason, 'engine-failed').code !== 'cancelled') throw reason;
    terminal.out.write('\n');
    return interruptedExitCode;
  } finally {
    await closers.closeAll();
  }
}

interface LostDevice {
  readonly answer: DeviceAnswer;
  readonly beforeMs: number;
  readonly afterMs: number;
}

interface DemoParts {
  readonly options: DemoOptions;
  readonly stage: DemoProcesses;
  /** The draft model without a target. */
  readonly alone: Engines;
  readonly terminal: Terminal;
}

class Demo {
  readonly #parts: DemoParts;
  readonly #columns: number;
  readonly #paint: Paint;
  readonly #startedMs = performance.now();

  constructor(parts: DemoParts) {
    const { out, env } = parts.terminal;
    this.#parts = parts;
    this.#columns = Math.max(40, Math.min(out.columns ?? 80, 80)) - 1;
    this.#paint = painter(colourWanted(out, env));
  }

  async run(): Promise<number> {
    this.#explain();
    const isSameShown = await this.#play();
    const measured = await this.#compare();
    this.#showResult(measured);
    await this.#farewell();
    return isSameShown && measured.isSameText ? 0 : 1;
  }

  #explain(): void {
    const { stage, options } = this.#parts;
    const { roundTripMs, passMs } = options;
    this.#heading('On this machine, now');
    const rows = [
      ['server', `${targetName}, 9 million weights, on 127.0.0.1:${stage.server.port};`],
      ['', `drafts too, with ${draftName}, 0.8 million weights`],
      ['device 1', `drafts with ${draftName}`],
      ['device 2', 'drafts nothing, like any client of the HTTP API'],
      ['link', `emulated: round trip ${roundTripMs} ms`],
      ['pass', `emulated: ${passMs} ms for any batch, like a large target`],
      ['', `on an accelerator; ${passMs / 10} ms of the server's draft model`],
    ];
    this.#write(`${formatTable(rows, { indent: '  ' })}\n`);
    this.#heading('How to read it');
    this.#legend({
      accepted: 'the target agrees with device 1',
      residual: "the target's own token in its place",
      bonus: 'one more token from the same pass',
      target: "the server's: drafted there, or not",
    });
  }

  #legend(explanations: Partial<Record<TokenMark, string>>): void {
    const { out, env } = this.#parts.terminal;
    const entries = legendEntries(colourWanted(out, env), Object.keys(explanations) as TokenMark[]);
    const rows = Object.values(explanations).map((text, index) => [entries[index]!, text]);
    this.#write(`${formatTable(rows, { indent: '  ' })}\n`);
  }

  /** Both devices write the opening at once; the first one's text is shown as it arrives. */
  async #play(): Promise<boolean> {
    const { options, stage } = this.#parts;
    const { seed } = options;
    const prompt = options.prompt || openingFor(seed);
    this.#heading(`Device 1 writes, mode auto (seed ${seed}, temperature ${usualLaw.temp})`);
    const task = { ...this.#task(prompt, seed, shownTokens), mode: 'auto' };
    const other = stage.plainDevice.ask(task);
    other.catch(() => undefined);
    const shown = await this.#show(stage.modelDevice, task);
    this.#write('\n');
    this.#paragraph(answerText(shown));
    const second = await other;
    const lost = await this.#lose(task);
    const text = shown.tokens.join();
    const isSame = [second, lost.answer].every(({ tokens }) => tokens.join() === text);
    this.#paragraph(
      `Device 2 answered the same request at the same time, in the same passes: ${sourcesText(second)}.`,
    );
    this.#paragraph(
      `Device 1 wrote it once more, and after ${shownTokens / 2} tokens nothing of it reached the server: the text went on, with ${formatDuration(lost.beforeMs)} a token before and ${formatDuration(lost.afterMs)} after.${isSame ? ' All three texts are the same, token for token.' : ''}`,
    );
    if (!isSame) this.#alarm();
    return isSame;
  }

  /** Cuts the way up in the middle of a text. Times are of a token. */
  async #lose(task: DemoTask & { mode: string }): Promise<LostDevice> {
    const { modelDevice, relay } = this.#parts.stage;
    const startedMs = performance.now();
    let [count, cutAtMs] = [0, startedMs];
    try {
      const answer = await modelDevice.ask(task, () => {
        if (++count !== shownTokens / 2) return;
        relay.holdUp(true);
        cutAtMs = performance.now();
      });
      const afterMs = (performance.now() - cutAtMs) / Math.max(1, count - shownTokens / 2);
      return { answer, beforeMs: (cutAtMs - startedMs) / (shownTokens / 2), afterMs };
    } finally {
      relay.holdUp(false);
    }
  }

  async #show(device: DeviceProcess, task: DemoTask & { mode: string }): Promise<DeviceAnswer> {
    const { out, env } = this.#parts.terminal;
    const colour = colourWanted(out, env);
    // Marks are never broken, so they need room at line ends.
    const columns = colour ? this.#columns : this.#columns - 4;
    const fit = new LineFit(columns, spareColumns(columns));
    const stream = new TokenStream((text) => out.write(text), { colour, fit });
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    stream.push('prompt', bytes(task.prompt));
    try {
      return await device.ask(task, (origin, text) => stream.push(tokenMarks[origin], bytes(text)));
    } finally {
      stream.end();
      this.#write('\n');
    }
  }

  async #compare(): Promise<DemoResult> {
    const { options, stage } = this.#parts;
    const measurement = new Measurement(stage, options, (task) => this.#writeAlone(task));
    const taskOf = (index: number): DemoTask => {
      const seed = options.seed + BigInt(index + 1);
      return this.#task(openingFor(seed), seed, turnTokens);
    };
    let count = 0;
    const hasTime = (): boolean => performance.now() - this.#startedMs < turnsUntilMs;
    while (count < options.turns && (count === 0 || hasTime())) {
      await measurement.turn(taskOf(count), count, true);
      count++;
    }
    await measurement.warmUp(taskOf(count));
    for (let index = 0; index < count; index++) {
      await measurement.turn(taskOf(index), index, false);
    }
    return measurement.measured;
  }

  /** Writes with the draft model alone. */
  async #writeAlone({ prompt, seed, maxTokens }: DemoTask) {
    const { alone, terminal } = this.#parts;
    const { temp, ...filters } = usualLaw;
    const startedMs = performance.now();
    const { tokens } = await generateText(
      alone.target,
      null,
      {
        prompt: alone.target.info.vocabulary.tokenize(prompt, {
          addBos: true,
          parseSpecial: false,
        }),
        tokensMax: maxTokens,
        scheme: 'coupled',
        sampling: { ...plainSampling, temperature: temp, ...filters },
        seed: BigInt(seed),
        draftLength: 0,
        confidenceMin: 0,
      },
      { stops: [], show: () => undefined, signal: terminal.signal, now: () => performance.now() },
    );
    const totalMs = performance.now() - startedMs;
    const none = { testedCount: 0, acceptedCount: 0, verdictCount: 0, messageCount: 0, bytes: 0 };
    return { tokenCount: tokens.length, totalMs, ...none };
  }

  #task(prompt: string, seed: bigint, maxTokens: number): DemoTask {
    const { temp, topK, topP, minP } = usualLaw;
    return { prompt, maxTokens, temperature: temp, topK, topP, minP, seed: String(seed) };
  }

  #showResult({ emulated, asItIs, alone, isSameText }: DemoResult): void {
    const { roundTripMs, passMs } = this.#parts.options;
    const { length: count } = alone.samples;
    const texts =
      count === 1
        ? `1 more text of ${turnTokens} tokens`
        : `${count} more texts, ${turnTokens} tokens each`;
    for (const [title, { ways, passMs: measuredMs }] of [
      [`A large target (emulated: ${passMs} ms a pass)`, emulated],
      [`The small target as it is (${formatDuration(asItIs.passMs)} a pass)`, asItIs],
    ] as const) {
      this.#heading(`${title}: ${texts}`);
      this.#write(`${comparisonTable(ways, alone)}\n\n`);
      this.#paragraph(verdictText(ways));
      const roundTokens = roundTokensOf(ways.find(({ name }) => name === 'stop-and-wait')!);
      this.#paragraph(reasonText({ roundTripMs, passMs: measuredMs, roundTokens }));
    }
    this.#write('\n');
    this.#paragraph(
      `"device alone" is the draft model's own text, not verified. All other rows are the target's text${isSameText ? ', the same in every row, token for token.' : '.'} In "auto" the server drafts too; "auto, no device" is device 2. Speeds and ratios are medians over the texts, so a ratio need not be the quotient of two speeds.`,
    );
    if (!isSameText) this.#alarm();
  }

  #alarm(): void {
    this.#write(
      this.#paint('red', 'TEXTS DIFFER: this is a bug; please report it with the seed.\n'),
    );
  }

  async #farewell(): Promise<void> {
    const { options, stage, terminal } = this.#parts;
    if (!options.keep) {
      const command = commandName(process.cwd());
      this.#heading('What to try next');
      this.#write(`  ${command} demo --keep\n  ${command} help\n`);
      return;
    }
    const lines = await serveKept(stage, options);
    this.#heading(`Running until Ctrl-C, with passes of ${options.passMs} ms`);
    // Not wrapped: a broken line could not be pasted.
    this.#write(`${lines.join('\n')}\n`);
    await whenAborted(terminal.signal);
  }

  #heading(text: string): void {
    this.#write(`\n${this.#paint('bold', text)}\n\n`);
  }

  #paragraph(text: string): void {
    this.#write(`${new LineFit(this.#columns).push(text)}\n`);
  }

  #write(text: string): void {
    this.#parts.terminal.out.write(text);
  }
}

/** Describes how a text was written. */
function answerText(answer: DeviceAnswer): string {
  const { tokenCount, totalMs, upBytes, downBytes } = answer.statistics;
  return `${tokenCount} tokens in ${formatDuration(totalMs)}: ${sourcesText(answer)}; ${formatBytes(upBytes)} up, ${formatBytes(downBytes)} down.`;
}

const sourceNames = {
  device: 'of the device that came in time',
  model: 'of the server',
} as const;

/** `24 tokens from drafts of the device, 3 ..., 12 of the target's own`. */
function sourcesText({ statistics: { sources } }: DeviceAnswer): string {
  const drafted = Object.entries(sourceNames).flatMap(([source, name]) => {
    const count = sources[source as keyof typeof sourceNames];
    return count > 0 ? [`${count} from drafts ${name}`] : [];
  });
  return [...drafted, `${sources.target} of the target's own`].join(', ');
}
