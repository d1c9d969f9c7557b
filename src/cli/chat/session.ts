// Runs a conversation at a terminal or through a pipe: reads messages and commands, asks the
// server, shows answers as they arrive. Ctrl-C stops an answer; the text so far stays.

import { type ErrorCode, type PilotfishError, toPilotfishError } from '../../base/error.js';
import type { Answer, AnswerResult, Client, Statistics } from '../../device/index.js';
import type { EngineInfo } from '../../engine/engine.js';
import { AnswerDisplay, answerMarks } from '../answers/answer-display.js';
import { answerLines } from '../answers/answer-lines.js';
import { interruptedExitCode, printFailure } from '../failure.js';
import type { DrafterName } from '../flags/draft-flags.js';
import { draftOptions, type LinkOptions } from '../flags/link-flags.js';
import { type PictureOptions, readPicture } from '../flags/picture-flags.js';
import { type SamplingOptions, samplingOf } from '../flags/sampling-flags.js';
import { printLines, type TextEnd } from '../screen/summary.js';
import type { Terminal } from '../screen/terminal.js';
import { noteTo, type TextView, textView } from '../screen/text-view.js';
import { Conversation, type Question } from './conversation.js';
import type { LineInput } from './line-input.js';
import { MessageReader } from './message.js';

export interface ChatOptions extends LinkOptions, SamplingOptions, PictureOptions {
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly system: string;
  readonly showDraft?: boolean;
  readonly stats?: boolean;
}

export interface ChatParts {
  readonly options: ChatOptions;
  readonly terminal: Terminal;
  readonly client: Client;
  readonly drafter: DrafterName;
  readonly engine: { readonly info: Pick<EngineInfo, 'chatTemplate'> };
  readonly input: LineInput;
  /** Of the first message. */
  readonly pictures: readonly Uint8Array[];
  /** Of the first answer; each further one takes the next number. */
  readonly seed: bigint;
}

/** The next question, which a model without a chat template (plainChat) writes itself. */
const questionMark = '\nUser:';

const helpText = `/help              show this help
/clear             drop the conversation, but keep the system message
/system [text]     show or set the system message; "none" removes it
/image file        show a picture with the next message; more than one may be shown
/stats             turn the numbers after each answer on or off
/again             drop the last answer and write another
/bye               end the program, like Ctrl-D

A message goes on after a \\ at the end of a line, or between lines of """.
To begin a message with /, type a space before it.
Ctrl-C stops an answer; the text so far stays.`;

/** How an answer ended. */
type Outcome =
  | { readonly kind: 'whole'; readonly result: AnswerResult }
  | { readonly kind: 'stopped'; readonly text: string; readonly statistics: Statistics | null }
  | { readonly kind: 'failed'; readonly error: PilotfishError };

export class ChatSession {
  readonly #parts: ChatParts;
  readonly #conversation: Conversation;
  readonly #reader = new MessageReader();
  readonly #note: (text: string) => void;
  readonly #stops: readonly string[];
  #hasStats: boolean;
  #legendShown = false;
  #answerCount = 0n;
  #view: TextView | null = null;
  /** Whether the last event at the prompt was Ctrl-C on an empty line. */
  #isLeaving = false;
  #exitCode: number | null = null;
  /** For the next message. */
  #pictures: Uint8Array[] = [];

  constructor(parts: ChatParts) {
    const { options, terminal, engine } = parts;
    this.#parts = parts;
    this.#conversation = new Conversation(options.system);
    this.#note = noteTo(terminal);
    this.#hasStats = options.stats === true;
    const isTaught = engine.info.chatTemplate !== null;
    this.#stops = isTaught ? options.stop : [...options.stop, questionMark];
    this.#pictures = [...parts.pictures];
  }

  /** Prints a note between lines of an answer, above the line being typed, or on its own. */
  note(text: string): void {
    if (this.#view !== null) this.#view.note(text);
    else this.#parts.input.aside(() => this.#note(text));
  }

  /** @returns the exit code. */
  async run(): Promise<number> {
    const { input, terminal } = this.#parts;
    while (this.#exitCode === null) {
      const line = await input.read(this.#reader.isOpen ? '. ' : '> ');
      if (terminal.signal.aborted) return interruptedExitCode;
      if (line.kind === 'end') return this.#end();
      if (line.kind === 'interrupt') this.#interrupted(line.hadText);
      else {
        this.#isLeaving = false;
        await this.#take(line.text);
      }
    }
    return this.#exitCode;
  }

  /** Asks an unfinished message at the end of the input. */
  async #end(): Promise<number> {
    const { input, terminal } = this.#parts;
    const rest = this.#reader.end();
    if (input.isKeyboard) terminal.err.write('\n');
    else if (rest !== null) await this.#askNext(rest);
    return this.#exitCode ?? 0;
  }

  /** Ends the program at the second Ctrl-C in a row on an empty line. */
  #interrupted(hadText: boolean): void {
    const wasOpen = this.#reader.isOpen;
    this.#reader.drop();
    if (hadText || wasOpen) return;
    if (this.#isLeaving) this.#exitCode = 0;
    else this.#note('Ctrl-C again, or Ctrl-D, ends the program');
    this.#isLeaving = true;
  }

  async #take(line: string): Promise<void> {
    const entry = this.#reader.take(line);
    if (entry.kind === 'command') await this.#command(entry.name, entry.rest);
    else if (entry.kind === 'message' && entry.text !== '') await this.#askNext(entry.text);
  }

  async #command(name: string, rest: string): Promise<void> {
    const { err } = this.#parts.terminal;
    switch (name) {
      case 'help':
      case '?':
        err.write(`${helpText}\n`);
        break;
      case 'clear':
        this.#conversation.clear();
        this.#note('the conversation was dropped');
        break;
      case 'system':
        this.#setSystem(rest);
        break;
      case 'image':
        await this.#show(rest);
        break;
      case 'stats':
        this.#hasStats = !this.#hasStats;
        this.#note(`numbers after each answer: ${this.#hasStats ? 'on' : 'off'}`);
        break;
      case 'again':
        await this.#again();
        break;
      case 'bye':
      case 'exit':
      case 'quit':
        this.#exitCode = 0;
        break;
      default:
        this.#note(`there is no /${name}; /help lists the commands`);
    }
  }

  async #show(path: string): Promise<void> {
    if (path === '') {
      this.#note('/image takes the path of a picture');
      return;
    }
    try {
      this.#pictures.push(await readPicture(path, this.#parts.options.imageSide));
      const { length } = this.#pictures;
      const what = length === 1 ? 'the picture' : `the ${length} pictures`;
      this.#note(`the next message is about ${what}`);
    } catch (reason) {
      const code = printFailure(toPilotfishError(reason, 'picture-invalid'), this.#parts.terminal);
      if (!this.#parts.input.isKeyboard) this.#exitCode = code;
    }
  }

  async #askNext(question: string): Promise<void> {
    const pictures = this.#pictures;
    this.#pictures = [];
    await this.#ask({ question, pictures });
  }

  #setSystem(text: string): void {
    if (text !== '') this.#conversation.system = text === 'none' ? '' : text;
    const { system } = this.#conversation;
    this.#note(system === '' ? 'there is no system message' : `system message: ${system}`);
  }

  async #again(): Promise<void> {
    const question = this.#conversation.takeBack();
    if (question === null) this.#note('there is no question yet');
    else await this.#ask(question);
  }

  /** Asks, and drops the oldest turns while the server says that the prompt is too long. */
  async #ask(question: Question): Promise<void> {
    this.#conversation.ask(question);
    let droppedCount = 0;
    for (;;) {
      const seed = BigInt.asUintN(64, this.#parts.seed + this.#answerCount);
      const outcome = await this.#answer(seed);
      const isTooLong = outcome.kind === 'failed' && tooLong.has(outcome.error.code);
      if (isTooLong && this.#conversation.dropOldest()) {
        droppedCount++;
        continue;
      }
      this.#answerCount++;
      this.#conclude(outcome, seed);
      if (droppedCount > 0) this.#sayDropped(droppedCount);
      if (this.#parts.input.isKeyboard) this.#parts.terminal.err.write('\n');
      return;
    }
  }

  #sayDropped(count: number): void {
    const turns = count === 1 ? 'the oldest turn was' : `the ${count} oldest turns were`;
    this.#note(`the context is full: ${turns} dropped`);
  }

  async #answer(seed: bigint): Promise<Outcome> {
    const { client, options, terminal } = this.#parts;
    const view = this.#openView();
    const stop = new AbortController();
    // A script that is stopped ends as a whole.
    const release = this.#parts.input.isKeyboard && terminal.onInterrupt?.(() => stop.abort());
    const shown = new ShownText(view);
    let answer: Answer | null = null;
    try {
      answer = client.generate({
        ...draftOptions(options),
        messages: this.#conversation.messages,
        pictures: this.#conversation.pictures,
        sampling: samplingOf(options),
        tokensMax: options.maxTokens,
        stops: this.#stops,
        seed,
        signal: AbortSignal.any([stop.signal, terminal.signal]),
      });
      return { kind: 'whole', result: await shown.follow(answer) };
    } catch (reason) {
      const error = toPilotfishError(reason, 'engine-failed');
      if (error.code !== 'cancelled') return { kind: 'failed', error };
      // The terminal has echoed Ctrl-C at the beginning of the line.
      if (shown.verified === '' && this.#parts.input.isKeyboard) terminal.err.write('\n');
      const statistics = answer?.statistics ?? null;
      return { kind: 'stopped', text: shown.verified, statistics };
    } finally {
      view.end();
      this.#view = null;
      if (release) release();
    }
  }

  #openView(): TextView {
    const { options, terminal } = this.#parts;
    const markedPrompt = options.showDraft ? '' : null;
    this.#view = textView(terminal, {
      markedPrompt,
      legend: this.#legendShown ? [] : answerMarks,
    });
    this.#legendShown = true;
    return this.#view;
  }

  #conclude(outcome: Outcome, seed: bigint): void {
    const { terminal } = this.#parts;
    if (outcome.kind === 'failed') {
      this.#fail(outcome.error);
      return;
    }
    if (outcome.kind === 'stopped') {
      this.#conversation.answer(outcome.text);
      if (terminal.signal.aborted) this.#exitCode = interruptedExitCode;
      const { statistics } = outcome;
      if (statistics === null || statistics.tokenCount === 0) this.#note('stopped with Ctrl-C');
      else this.#summarise(statistics, statistics.tokenCount, 'interrupted', seed);
      return;
    }
    const { text, reason, statistics, tokens, isVerified } = outcome.result;
    this.#conversation.answer(text);
    if (!isVerified) this.#note('the end of this answer is by the draft model and not verified');
    this.#summarise(statistics, tokens.length, reason as TextEnd, seed);
    if (reason === 'context') this.#makeRoom();
  }

  /** Removes the question from the conversation; at a keyboard the line above brings it back. */
  #fail(error: PilotfishError): void {
    const { input, terminal } = this.#parts;
    this.#pictures = [...(this.#conversation.takeBack()?.pictures ?? [])];
    const code = printFailure(error, terminal);
    if (!input.isKeyboard || final.has(error.code)) this.#exitCode = code;
  }

  /** Makes room after an answer that filled the context; else the next would fail too. */
  #makeRoom(): void {
    const count = this.#conversation.dropHalf();
    if (count > 0) this.#sayDropped(count);
    else this.#note('the context is full: the answer ends here, and the next message drops it');
  }

  #summarise(statistics: Statistics, tokenCount: number, end: TextEnd, seed: bigint): void {
    if (!this.#hasStats) return;
    const { options, drafter, terminal } = this.#parts;
    const facts = { statistics, tokenCount, end, seed, drafter, mode: options.mode };
    printLines(answerLines(facts), terminal);
  }
}

/** Errors that older turns are dropped for. */
const tooLong: ReadonlySet<ErrorCode> = new Set(['prompt-too-long', 'picture-too-large']);
/** Errors after which the connection gives no further answer. */
const final: ReadonlySet<ErrorCode> = new Set([
  'server-refused',
  'protocol-violated',
  'engine-closed',
]);

/** Shows an answer, and keeps the verified part of its text. */
class ShownText {
  readonly #view: TextView;
  readonly #display: AnswerDisplay;
  #text = '';

  constructor(view: TextView) {
    this.#view = view;
    this.#display = new AnswerDisplay(view);
  }

  /** Shows the answer as it arrives. Some templates leave a space before it, which is dropped. */
  async follow(answer: Answer): Promise<AnswerResult> {
    for await (const piece of answer) {
      if (piece.kind === 'token' || piece.kind === 'rest') {
        const isBeginning = this.#text.trim() === '';
        this.#text += piece.text;
        this.#display.take(isBeginning ? { ...piece, text: piece.text.trimStart() } : piece);
      } else {
        if (piece.kind === 'retracted') this.#text = this.#text.slice(0, piece.textLength);
        this.#display.take(piece);
      }
    }
    const result = await answer.result;
    this.#display.end(result);
    this.#view.end();
    return result;
  }

  get verified(): string {
    return this.#text.slice(0, this.#text.length - this.#display.pendingLength);
  }
}
