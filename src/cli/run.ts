// `pilotfish run`: writes one text with a draft model here and the target on a server. Only verified text goes to
// stdout (unverified text only where --fallback draft-only asked for it, and stderr says so).

import { randomInt } from 'node:crypto';
import type { Command } from 'commander';
import {
  type Answer,
  type AnswerResult,
  connect,
  type Origin,
  type Piece,
} from '../device/index.js';
import {
  addSamplingFlags,
  customaryLaw,
  flag,
  jsonFlag,
  type SamplingOptions,
  samplingOf,
} from './flags.js';
import { readPrompt } from './generate/prompt.js';
import { type Fate, legendEntries, TokenStream, visible } from './render.js';
import {
  addLinkFlags,
  connectOptions,
  draftOptions,
  type LinkOptions,
  loadDrafting,
} from './run/link-flags.js';
import { statisticsLine } from './run/statistics-line.js';
import { colourWanted, painter, type Terminal } from './terminal.js';

// Each paragraph is one line: help wraps it to the terminal.
const description = `Writes a text with a draft model on this machine and the target model on a server. The text is the target's own: with schemes greedy and coupled the same seed gives the same text, whatever drafts, however slow the link.

  pilotfish serve -m stories-target
  pilotfish run "The old clock in the hallway" --server ws://127.0.0.1:7433
  pilotfish run "The old clock" --draft ngram --show-origin
  pilotfish run "The old clock" --fallback provisional

A server that cannot be reached ends the command with exit code 4, unless --fallback is provisional or draft-only.`;

const maxTokensDefault = 256;

interface RunOptions extends LinkOptions, SamplingOptions {
  readonly maxTokens: number;
  readonly file?: string;
  readonly showOrigin?: boolean;
  readonly stats: boolean;
  readonly json?: boolean;
}

export function addRun(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const command = program
    .command('run')
    .summary('write a text with a server')
    .description(description)
    .argument('[prompt]', 'what the text begins with')
    .addOption(flag('-f, --file <path>', 'read the prompt from a file; - is what is piped in'))
    .addOption(flag('--show-origin', 'mark every token: drafted, residual, bonus, by the target'))
    .addOption(flag('--no-stats', 'leave out the line of statistics'))
    .addOption(jsonFlag());
  addLinkFlags(command);
  addSamplingFlags(command, customaryLaw, maxTokensDefault);
  command.action(async (prompt: string | undefined) => {
    await run(prompt, command.opts<RunOptions>(), terminal);
    exit(0);
  });
}

/** 32 bits are enough to tell texts apart, and short enough to be typed again. */
const drawSeed = (): bigint => BigInt(randomInt(2 ** 32));

async function run(
  argument: string | undefined,
  options: RunOptions,
  terminal: Terminal,
): Promise<void> {
  const prompt = await readPrompt(argument, options.file, terminal);
  const drafting = await loadDrafting(options, 1, terminal.env);
  try {
    const client = await connect(connectOptions(options, drafting, terminal));
    try {
      const seed = options.seed ?? drawSeed();
      const answer = client.generate({
        ...draftOptions(options),
        prompt,
        sampling: samplingOf(options),
        tokensMax: options.maxTokens,
        seed,
        signal: terminal.signal,
      });
      if (options.json) await printDocument(answer, client.modelName, prompt, seed, terminal);
      else await print(answer, options, prompt, seed, terminal);
    } finally {
      await client.close();
    }
  } finally {
    await drafting.engine.close();
  }
}

async function printDocument(
  answer: Answer,
  modelName: string | null,
  prompt: string,
  seed: bigint,
  { out }: Terminal,
): Promise<void> {
  const result = await answer.result;
  const document = { model: modelName, prompt, seed: String(seed), ...result };
  out.write(`${JSON.stringify(document, null, 2)}\n`);
}

async function print(
  answer: Answer,
  options: RunOptions,
  prompt: string,
  seed: bigint,
  terminal: Terminal,
): Promise<void> {
  const { err, out, env } = terminal;
  const paint = painter(colourWanted(err, env));
  const output = options.showOrigin ? markedOutput(prompt, terminal) : plainOutput(terminal);
  const shown = new VerifiedText(output.show, (text) => {
    if (err.isTTY) err.write(paint('dim', visible(text, 'terminal')));
  });
  try {
    for await (const piece of answer) shown.take(piece);
    shown.end(await answer.result, (notice) => err.write(`\n${paint('yellow', notice)}\n`));
  } finally {
    output.end();
    const { statistics } = answer;
    if (options.stats && statistics !== null) {
      err.write(`${out.isTTY ? '\n' : ''}${paint('dim', statisticsLine(statistics, seed))}\n`);
    }
  }
}

type Show = (origin: Origin, text: string) => void;

/** Holds provisional tokens back until they are verified: what a pipe has taken cannot be taken back. */
class VerifiedText {
  readonly #show: Show;
  readonly #preview: (text: string) => void;
  /** Provisional pieces in order of their positions. */
  #waiting: { readonly position: number; readonly text: string }[] = [];

  constructor(show: Show, preview: (text: string) => void) {
    this.#show = show;
    this.#preview = preview;
  }

  take(piece: Piece): void {
    switch (piece.kind) {
      case 'token':
        if (piece.origin === 'provisional') {
          this.#waiting.push(piece);
          this.#preview(piece.text);
        } else this.#show(piece.origin, piece.text);
        break;
      case 'confirmed':
        this.#release(({ position }) => position < piece.to, 'drafted');
        break;
      case 'retracted':
        this.#waiting = this.#waiting.filter(({ position }) => position < piece.from);
        break;
      case 'rest':
        this.#show('target', piece.text);
    }
  }

  #release(isDue: (piece: { position: number }) => boolean, origin: Origin): void {
    for (const piece of this.#waiting.filter(isDue)) this.#show(origin, piece.text);
    this.#waiting = this.#waiting.filter((piece) => !isDue(piece));
  }

  end({ isVerified }: AnswerResult, notice: (text: string) => void): void {
    if (isVerified) return;
    notice(
      `pilotfish: the server is away; the last ${this.#waiting.length} tokens are the draft model's own, unverified`,
    );
    this.#release(() => true, 'provisional');
  }
}

interface Output {
  readonly show: Show;
  readonly end: () => void;
}

function plainOutput({ out }: Terminal): Output {
  let last = '';
  return {
    show(_origin, text) {
      out.write(out.isTTY ? visible(text, 'terminal') : text);
      if (text !== '') last = text;
    },
    end() {
      if (!last.endsWith('\n')) out.write('\n');
    },
  };
}

const fates: Readonly<Record<Origin, Fate>> = {
  drafted: 'accepted',
  residual: 'residual',
  bonus: 'bonus',
  target: 'plain',
  // Unverified tokens reach the output under draft-only alone, behind a notice.
  provisional: 'provisional',
};

function markedOutput(prompt: string, { out, err, env }: Terminal): Output {
  const colour = colourWanted(out, env);
  err.write(`${legendEntries(colour).join('\n')}\n\n`);
  const stream = new TokenStream((text) => out.write(text), { colour });
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  stream.push('prompt', bytes(prompt));
  return {
    show: (origin, text) => stream.push(fates[origin], bytes(text)),
    end() {
      stream.end();
      out.write('\n');
    },
  };
}
