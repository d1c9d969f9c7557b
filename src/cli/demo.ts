// `pilotfish demo`, also `npm run demo`: shows on the bundled models what speculation does, in under a minute.
// Everything it prints is computed while it runs; nothing is claimed that this run does not show.

import type { Command } from 'commander';
import { storyPrompts } from '../bench/prompts.js';
import type { Engine } from '../engine/engine.js';
import type { SpeculateRequest } from '../local/speculate.js';
import { plainSampling } from '../math/sampling.js';
import {
  type Comparison,
  compare,
  comparisonTable,
  type Turn,
  verdictWords,
  whyWords,
} from './demo/comparison.js';
import { RoundPlayer } from './demo/player.js';
import { interruptedExitCode } from './failure.js';
import { flag } from './flags.js';
import { closeEngines, type Engines, loadEngines } from './generate/engines.js';
import { type Generation, type GenerationOptions, generateText } from './generate/generation.js';
import { defaultTarget } from './generate.js';
import { LineFit } from './line-fit.js';
import { commandName } from './package-root.js';
import { type Fate, legendEntries } from './render.js';
import { customaryLaw, parseSeed } from './sampling-flags.js';
import { formatTable } from './table.js';
import { colourWanted, type Paint, painter, type Terminal } from './terminal.js';

const description = `Shows speculative decoding on the bundled models: which drafted tokens the target accepts, rejects and corrects; that the same seed gives the same text without a draft; and honest times of both. Takes under a minute, needs no network.`;

const draftName = 'stories-draft';
const draftLength = 4;
const tokensMax = 64;
/** Of the 24 openings with their own seeds, the one that reads best. */
const seedDefault = 13n;
/** Other draft lengths that must write the same text; 0 is the target alone. */
const otherLengths = [0, 1, 8];
/**
 * Texts of the table, and the time after which no further one is begun. From nine on the interval leaves out the
 * extremes: one turn that another program disturbed then decides nothing.
 */
const turnsMax = 9;
const turnsMs = 20_000;

export function addDemo(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command('demo')
    .summary('watch a draft model and a target model write one text')
    .description(description)
    .addOption(
      flag('--seed <n>', 'seed of the text, in [0, 2^64)', parseSeed).default(
        seedDefault,
        String(seedDefault),
      ),
    )
    .addOption(flag('--prompt <text>', 'what the text begins with (default: one of 24 openings)'))
    .action(async ({ seed, prompt }: { seed: bigint; prompt?: string }) => {
      exit(await demo(seed, prompt || openingFor(seed), terminal));
    });
}

const openingFor = (seed: bigint): string =>
  storyPrompts[Number(seed % BigInt(storyPrompts.length))]!;

const interrupted = Symbol('interrupted');

async function demo(seed: bigint, prompt: string, terminal: Terminal): Promise<number> {
  const names = { model: defaultTarget, draft: draftName, draftLength: Math.max(...otherLengths) };
  const exact = await loadEngines({ ...names, deterministic: true }, terminal);
  try {
    // Deterministic passes cost more where a token is alone, so times are taken from a target without them.
    const alone = { ...names, draft: 'none', deterministic: false };
    const fast = await loadEngines(alone, terminal);
    try {
      return await new Demo({ exact, fast, seed, prompt, terminal }).run();
    } finally {
      await closeEngines(fast);
    }
  } catch (reason) {
    if (reason !== interrupted) throw reason;
    terminal.out.write('\n');
    return interruptedExitCode;
  } finally {
    await closeEngines(exact);
  }
}

interface DemoParts {
  readonly exact: Engines;
  readonly fast: Engines;
  readonly seed: bigint;
  readonly prompt: string;
  readonly terminal: Terminal;
}

class Demo {
  readonly #parts: DemoParts;
  readonly #columns: number;
  readonly #paint: Paint;

  constructor(parts: DemoParts) {
    const { out, env } = parts.terminal;
    this.#parts = parts;
    this.#columns = Math.max(40, Math.min(out.columns ?? 80, 80)) - 1;
    this.#paint = painter(colourWanted(out, env));
  }

  /** @returns the exit code: 1 when the texts differ. */
  async run(): Promise<number> {
    this.#explain();
    const shown = await this.#play();
    const same = await this.#repeat(shown);
    this.#tell(await this.#compare());
    this.#farewell();
    return same ? 0 : 1;
  }

  #explain(): void {
    const { out, env } = this.#parts.terminal;
    this.#paragraph(
      `A small draft model proposes up to ${draftLength} tokens at a time; the target model checks them in one pass. What comes out is the target's own text.`,
    );
    this.#heading('How to read it');
    const explanations = {
      accepted: 'the target would have written it too',
      rejected: 'it would not; the rest is cut as well',
      residual: "the target's own token",
      bonus: 'the same pass gives one more',
    };
    const entries = legendEntries(colourWanted(out, env), Object.keys(explanations) as Fate[]);
    const rows = Object.values(explanations).map((words, index) => [entries[index]!, words]);
    this.#write(`${formatTable(rows, { indent: '  ' })}\n`);
  }

  async #play(): Promise<Generation> {
    const { exact, prompt, seed, terminal } = this.#parts;
    this.#heading(`The text (seed ${seed}, temperature ${customaryLaw.temp})`);
    const player = new RoundPlayer(exact.target.info.vocabulary, {
      terminal,
      columns: this.#columns,
    });
    player.prompt(prompt);
    const request = this.#request(prompt, seed, draftLength);
    const onRound = (round: Parameters<RoundPlayer['play']>[0]) => player.play(round);
    const generation = await this.#generate(exact.target, request, onRound);
    player.end();
    const { tally, tokens } = generation;
    this.#write('\n');
    this.#paragraph(
      `${tokens.length} tokens in ${tally.roundCount} passes of the target; it accepted ${tally.acceptedCount} of the ${tally.testedCount} drafted tokens it tested.`,
    );
    return generation;
  }

  /** Writes the text again with other drafts and without any, and says whether it is the same. */
  async #repeat(shown: Generation): Promise<boolean> {
    const { exact, prompt, seed } = this.#parts;
    this.#heading('The same seed, other drafts');
    let allSame = true;
    for (const length of otherLengths) {
      const request = this.#request(prompt, seed, length);
      const again = await this.#generate(exact.target, request);
      const same = again.text === shown.text && again.tokens.join() === shown.tokens.join();
      allSame &&= same;
      const name = length === 0 ? 'without a draft' : `${length} drafted at a time`;
      const passes = `${again.tally.roundCount} passes`;
      const verdict = same
        ? this.#paint('green', 'the same text, token for token')
        : this.#paint('red', 'ANOTHER TEXT: this should not be; please report it');
      this.#write(`  ${name.padEnd(21)}${passes.padStart(9)}   ${verdict}\n`);
    }
    return allSame;
  }

  async #compare(): Promise<Comparison> {
    this.#heading(`Speed (other openings, ${tokensMax} tokens each)`);
    const turns: Turn[] = [];
    const started = now();
    // The first turn warms caches up and is not counted.
    for (let index = -1; index < turnsMax; index++) {
      if (turns.length > 0 && now() - started > turnsMs) break;
      const turn = await this.#turn(index + 1);
      if (index >= 0) turns.push(turn);
    }
    return compare(turns);
  }

  /** One opening both ways; who begins alternates, because caches and clock speed favour one side. */
  async #turn(index: number): Promise<Turn> {
    const { fast, seed } = this.#parts;
    const prompt = openingFor(seed + BigInt(index + 1));
    const write = (length: number): Promise<Generation> =>
      this.#generate(fast.target, this.#request(prompt, seed, length));
    if (index % 2 === 0) {
      const alone = await write(0);
      return { alone, together: await write(draftLength) };
    }
    const together = await write(draftLength);
    return { alone: await write(0), together };
  }

  #tell(comparison: Comparison): void {
    this.#write(`${comparisonTable(comparison)}\n\n`);
    this.#paragraph(verdictWords(comparison));
    this.#paragraph(whyWords(comparison));
  }

  #farewell(): void {
    const { prompt, seed } = this.#parts;
    this.#heading('Again, and on your own');
    const command = commandName(process.cwd());
    const shown = `${command} generate --draft ${draftName} --show-draft --deterministic`;
    const quoted = `'${prompt.replaceAll("'", "'\\''")}'`;
    this.#write(`  ${shown} \\\n    --seed ${seed} --max-tokens ${tokensMax} ${quoted}\n`);
    this.#write(`  ${command} help\n`);
  }

  #request(prompt: string, seed: bigint, length: number): SpeculateRequest {
    const { vocabulary } = this.#parts.exact.target.info;
    const { temp, ...filters } = customaryLaw;
    return {
      prompt: vocabulary.tokenize(prompt, { addBos: true, parseSpecial: false }),
      tokensMax,
      scheme: 'coupled',
      sampling: { ...plainSampling, temperature: temp, ...filters },
      seed,
      draftLength: length,
      confidenceMin: 0,
    };
  }

  async #generate(
    target: Engine,
    request: SpeculateRequest,
    onRound?: GenerationOptions['onRound'],
  ): Promise<Generation> {
    const { exact, terminal } = this.#parts;
    const draft = request.draftLength > 0 ? exact.draft : null;
    const generation = await generateText(target, draft, request, {
      stops: [],
      show: () => undefined,
      ...(onRound && { onRound }),
      signal: terminal.signal,
      now,
    });
    if (generation.end === 'interrupted') throw interrupted;
    return generation;
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

const now = (): number => performance.now();
