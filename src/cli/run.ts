// Defines `pilotfish run`: writes a text with a draft model here and the target on a server. Stdout
// gets verified text only, except with --fallback draft-only and, marked, on a screen.

import type { Command } from 'commander';
import { toPilotfishError } from '../base/error.js';
import type { Answer, GenerateOptions, Piece, Statistics } from '../device/index.js';
import type { TokenLogprobs } from '../math/logprobs.js';
import { AnswerDisplay, answerMarks } from './answers/answer-display.js';
import { answerLines } from './answers/answer-lines.js';
import { interruptedExitCode } from './failure.js';
import { schemeOf } from './flags/draft-flags.js';
import {
  addLinkFlags,
  checkLinkFlags,
  type DraftingClient,
  draftOptions,
  type LinkOptions,
  withClient,
} from './flags/link-flags.js';
import { addPictureFlags, type PictureOptions, readPictures } from './flags/picture-flags.js';
import {
  addSamplingFlags,
  drawSeed,
  type SamplingOptions,
  samplingOf,
  usualLaw,
} from './flags/sampling-flags.js';
import { addTextFlags, checkLogprobs, formatOf, type TextOptions } from './flags/text-flags.js';
import { readPrompt } from './prompt.js';
import { printLines, type TextEnd } from './screen/summary.js';
import { type Exit, printJson, type Terminal } from './screen/terminal.js';
import { silentView, type TextView, textView } from './screen/text-view.js';

// Each paragraph is one line: help wraps it to the terminal.
const description = `Writes a text with a draft model on this machine and the target model on a server. The text is the target's own. With scheme greedy or coupled the same seed gives the same text, with every drafter and link (bit for bit if the server runs with --deterministic).

  pilotfish serve -m stories-target
  pilotfish run "The old clock in the hallway"
  pilotfish run "The old clock" --server edge.local:7433 --draft suffix --show-draft
  pilotfish run "The old clock" --fallback provisional
  pilotfish run "What is left of the chair?" -i room.jpg

--fallback decides what happens while the server is away. wait: nothing is written until it is back. provisional: a screen shows the draft model's text, dim or in {? ?}, and corrects it once the server is back; a pipe gets verified text only. draft-only: the text may end with unverified text of the draft model, and a last line on stderr counts its tokens. fail: the command ends. Without a server at the start, wait and fail end at once. After --away-seconds without a server, wait and provisional end. In these cases the exit code is 4.`;

const maxTokensDefault = 256;

interface RunOptions extends LinkOptions, SamplingOptions, TextOptions, PictureOptions {
  readonly maxTokens: number;
}

export function addRun(program: Command, terminal: Terminal, exit: Exit): void {
  const command = program.command('run').summary('write a text with a server');
  command.description(description);
  addTextFlags(command, 'accepted, residual, bonus, target alone, provisional');
  addPictureFlags(command, 'picture that the prompt is about, as a question of a chat');
  addLinkFlags(command);
  addSamplingFlags(command, usualLaw, maxTokensDefault);
  command.action(async (prompt: string | undefined) => {
    const options = command.opts<RunOptions>();
    schemeOf(options);
    checkLinkFlags(options, command);
    checkLogprobs(options);
    formatOf(options);
    exit(await run(prompt, options, terminal));
  });
}

async function run(
  argument: string | undefined,
  options: RunOptions,
  terminal: Terminal,
): Promise<number> {
  const prompt = await readPrompt(argument, options.file, terminal);
  const pictures = await readPictures(options);
  const needs = { slotCount: 1, asksInMessages: pictures.length > 0 };
  return withClient(options, needs, terminal, (link) =>
    new Run({ ...link, options, prompt, pictures, terminal }).write(),
  );
}

interface RunParts extends DraftingClient {
  readonly options: RunOptions;
  readonly prompt: string;
  readonly pictures: readonly Uint8Array[];
  readonly terminal: Terminal;
}

class Run {
  readonly #parts: RunParts;
  readonly #seed: bigint;
  readonly #view: TextView;

  constructor(parts: RunParts) {
    const { options, prompt, terminal } = parts;
    this.#parts = parts;
    this.#seed = options.seed ?? drawSeed();
    const markedPrompt = options.showDraft ? prompt : null;
    this.#view = options.json
      ? silentView(terminal)
      : textView(terminal, { markedPrompt, legend: answerMarks });
    parts.report.redirect((text) => this.#view.note(text));
  }

  /** @returns the exit code. */
  async write(): Promise<number> {
    const { client, options, terminal } = this.#parts;
    const format = formatOf(options);
    const answer = client.generate({
      ...draftOptions(options),
      ...(format !== null && { format }),
      ...(options.logprobs !== undefined && { topLogprobs: options.logprobs }),
      ...this.#prompt,
      sampling: samplingOf(options),
      tokensMax: options.maxTokens,
      stops: options.stop,
      seed: this.#seed,
      signal: terminal.signal,
    });
    try {
      await this.#show(answer);
      return 0;
    } catch (reason) {
      this.#view.end();
      if (toPilotfishError(reason, 'engine-failed').code !== 'cancelled') throw reason;
      const { statistics } = answer;
      if (statistics === null || statistics.tokenCount === 0)
        this.#view.note('stopped with Ctrl-C');
      else this.#summarise(statistics, statistics.tokenCount, 'interrupted');
      return interruptedExitCode;
    }
  }

  /** A text to go on with, or a question about pictures. */
  get #prompt(): Pick<GenerateOptions, 'prompt' | 'messages' | 'pictures'> {
    const { prompt, pictures } = this.#parts;
    if (pictures.length === 0) return { prompt };
    return {
      messages: [{ role: 'user', content: prompt }],
      pictures: pictures.map((bytes) => ({ message: 0, at: 0, bytes })),
    };
  }

  async #show(answer: Answer): Promise<void> {
    const { client, options, prompt, terminal } = this.#parts;
    const display = new AnswerDisplay(this.#view);
    const logprobs: TokenLogprobs[] = [];
    for await (const piece of answer) {
      display.take(piece);
      logprobs.push(...logprobsIn(piece));
    }
    const result = await answer.result;
    const unverifiedCount = display.end(result);
    this.#view.end();
    if (options.json) {
      const given = options.logprobs === undefined ? {} : { logprobs };
      const asked = { model: client.modelName, prompt, seed: String(this.#seed) };
      printJson(terminal, { ...asked, ...result, ...given });
      return;
    }
    if (unverifiedCount > 0) {
      const tokens = unverifiedCount === 1 ? '1 token is' : `${unverifiedCount} tokens are`;
      this.#view.note(`the last ${tokens} by the draft model and not verified`);
    }
    this.#summarise(result.statistics, result.tokens.length, result.reason as TextEnd);
  }

  #summarise(statistics: Statistics, tokenCount: number, end: TextEnd): void {
    const { options, terminal, drafter } = this.#parts;
    if (!options.stats || options.json) return;
    const facts = { statistics, tokenCount, end, seed: this.#seed, drafter, mode: options.mode };
    printLines(answerLines(facts), terminal);
  }
}

/** The log-probabilities of the tokens that a piece makes final, in order. */
function logprobsIn(piece: Piece): readonly TokenLogprobs[] {
  if (piece.kind === 'confirmed') return piece.logprobs ?? [];
  return piece.kind === 'token' && piece.logprobs ? [piece.logprobs] : [];
}
