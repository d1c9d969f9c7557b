// Shows rounds as they are decided: first the draft, then what became of it, at a pace that a person can follow.
// On anything but a terminal there is no pace, and on one without colour no second look at a draft.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Vocabulary } from '../../engine/vocabulary.js';
import type { Round } from '../../local/speculate.js';
import { LineFit } from '../line-fit.js';
import { TokenStream, visible } from '../render.js';
import { colourWanted, painter, type Terminal } from '../terminal.js';

/** Long enough to read five tokens, and to see them judged. */
const draftedMs = 420;
const judgedMs = 260;

/** Kept free at line ends where marks are written, which are never broken. */
const markColumns = 4;

export class RoundPlayer {
  readonly #vocabulary: Pick<Vocabulary, 'tokenBytes'>;
  readonly #terminal: Terminal;
  readonly #colour: boolean;
  readonly #fit: LineFit;
  readonly #stream: TokenStream;

  /** @param columns a line may fill. */
  constructor(
    vocabulary: Pick<Vocabulary, 'tokenBytes'>,
    { terminal, columns }: { terminal: Terminal; columns: number },
  ) {
    this.#vocabulary = vocabulary;
    this.#terminal = terminal;
    this.#colour = colourWanted(terminal.out, terminal.env);
    this.#fit = new LineFit(this.#colour ? columns : columns - markColumns);
    this.#stream = new TokenStream((text) => terminal.out.write(text), {
      colour: this.#colour,
      fit: this.#fit,
    });
  }

  prompt(text: string): void {
    this.#stream.push('prompt', new TextEncoder().encode(text));
  }

  /** Resolves when the round has been on the screen for its time, or the user stops the command. */
  async play(round: Round): Promise<void> {
    if (this.#colour && this.#terminal.out.isTTY && round.drafted.length > 0) {
      await this.#preview(round.drafted);
    }
    this.#showVerdict(round);
    await this.#pause(judgedMs);
  }

  end(): void {
    this.#stream.end();
    this.#terminal.out.write('\n');
  }

  /** Writes the draft as not yet judged, waits, and takes it back. */
  async #preview(drafted: readonly number[]): Promise<void> {
    const { out } = this.#terminal;
    const trial = this.#fit.fork();
    const texts = drafted.map((token) =>
      visible(new TextDecoder().decode(this.#vocabulary.tokenBytes(token)), 'all'),
    );
    const shown = texts.map((text) => trial.push(text)).join('');
    out.write(painter(true)('dim', shown));
    await this.#pause(draftedMs);
    const lines = trial.lineCount - this.#fit.lineCount;
    const up = lines > 0 ? `\u001b[${lines}A` : '';
    // Relative rows and an absolute column: right even when the screen has scrolled meanwhile.
    out.write(`${up}\u001b[${this.#fit.column + 1}G\u001b[J`);
  }

  #showVerdict({ drafted, acceptedCount, final, tokens }: Round): void {
    const bytes = (token: number): Uint8Array => this.#vocabulary.tokenBytes(token);
    const last = tokens[acceptedCount];
    // A text that ends inside the draft has no final token.
    const lastBytes = last === undefined ? new Uint8Array() : bytes(last);
    if (drafted.length === 0) this.#stream.push('plain', lastBytes);
    else {
      const shown = { kind: final, bytes: lastBytes };
      this.#stream.pushRound({ drafted: drafted.map(bytes), acceptedCount, final: shown });
    }
  }

  async #pause(ms: number): Promise<void> {
    const { out, signal } = this.#terminal;
    if (!out.isTTY || signal.aborted) return;
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }
}
