// Makes models of actions for virtual time: a target that says what the expert does in the picture
// that it is shown, and a draft that sees no picture and knows how actions usually go on.

import { assert } from '../../../src/base/assert.js';
import { EngineCore } from '../../../src/engine/engine-core.js';
import { referenceRowMath } from '../../../src/engine/row-math.js';
import type { Part, RowModel } from '../../../src/engine/row-model.js';
import type { DraftShape, Models, TargetShape } from '../../../src/sim/models.js';
import { actionVocabulary, eos, pictureIn, promptLength, usualActions } from './pieces.js';

const { size, endOfText } = actionVocabulary;
/** Of a token that the model is sure of, beside 0. */
const sureLogit = 12;
/** Actions that the draft has learnt from. */
const learntActions = 3_000;

/** Gives the logits behind a text that ends at any place. */
type Teller = (text: readonly number[]) => Float32Array;

/** Keeps the tokens of its slots as its cache: it tells nothing of those that it was not fed. */
class TextModel implements RowModel {
  readonly vocabSize = size;
  readonly exit = null;
  readonly slotCount: number;
  readonly contextLength: number;
  readonly passTokensMax: number;
  readonly passRowsMax: number;
  readonly #tell: Teller;
  readonly #texts: number[][];
  #rows: Float32Array[] = [];

  constructor(shape: Omit<TargetShape, 'exit'>, tell: Teller) {
    this.#tell = tell;
    this.slotCount = shape.slotCount;
    this.contextLength = shape.contextLength;
    this.passTokensMax = shape.passTokensMax;
    this.passRowsMax = shape.passRowsMax;
    this.#texts = Array.from({ length: shape.slotCount }, () => []);
  }

  feed(parts: readonly Part[]): void {
    this.#rows = [];
    for (const { slot, from, tokens, rowCount } of parts) {
      const text = this.#texts[slot]!;
      assert(text.length === from, `slot ${slot} does not end at ${from}`);
      tokens.forEach((token, index) => {
        text.push(token);
        if (index >= tokens.length - rowCount) this.#rows.push(this.#tell(text));
      });
    }
  }

  row(index: number): Float32Array {
    return this.#rows[index]!;
  }

  truncate(slot: number, length: number): void {
    const text = this.#texts[slot]!;
    text.length = Math.min(text.length, length);
  }

  copyPrefix(from: number, to: number, length: number): void {
    this.#texts[to] = this.#texts[from]!.slice(0, length);
  }

  save(slot: number): Uint8Array {
    return new Uint8Array(Int32Array.from(this.#texts[slot]!).buffer);
  }

  restore(slot: number, state: Uint8Array, length: number): boolean {
    this.#texts[slot] = [...new Int32Array(state.slice().buffer).subarray(0, length)];
    return true;
  }

  close(): void {
    for (const text of this.#texts) text.length = 0;
  }
}

/** How often each token follows each beginning of an action. */
class UsualActions {
  readonly #counts = new Map<string, Map<number, number>>();

  constructor(actions: readonly Int32Array[]) {
    for (const action of actions) {
      action.forEach((token, place) => {
        const before = action.subarray(0, place).join();
        const counts = this.#counts.get(before) ?? new Map<number, number>();
        counts.set(token, (counts.get(token) ?? 0) + 1);
        this.#counts.set(before, counts);
      });
    }
  }

  /** Logits [vocab]: logarithms of the shares; an end where it has never been. */
  tell(answer: readonly number[]): Float32Array {
    const logits = new Float32Array(size).fill(-sureLogit);
    const counts = this.#counts.get(answer.join());
    if (counts === undefined) {
      logits[eos] = 0;
      return logits;
    }
    const whole = [...counts.values()].reduce((sum, count) => sum + count, 0);
    for (const [token, count] of counts) logits[token] = Math.log(count / whole);
    return logits;
  }
}

/** Models of one world, and the answers that their target gives. */
export class ActionModels implements Models {
  static #learnt: UsualActions | null = null;
  readonly vocabulary = actionVocabulary;
  /** By the picture's number. */
  readonly #answers: Int32Array[] = [];

  /** Draws nothing twice: the draft's knowledge is the same in all worlds. */
  get #usual(): UsualActions {
    ActionModels.#learnt ??= new UsualActions(usualActions(learntActions));
    return ActionModels.#learnt;
  }

  /** @param answer of the target. @returns the picture's number. */
  show(answer: Int32Array): number {
    return this.#answers.push(answer) - 1;
  }

  readonly target = (shape: TargetShape): EngineCore =>
    coreOf(
      new TextModel(shape, (text) => {
        const answer = this.#answers[pictureIn(text)];
        const said = text.slice(promptLength);
        const isRight = answer !== undefined && said.every((token, at) => token === answer[at]);
        if (!isRight) return this.#usual.tell(said);
        const logits = new Float32Array(size);
        logits[answer[said.length] ?? eos] = sureLogit;
        return logits;
      }),
    );

  readonly draft = ({ slotCount, contextLength }: DraftShape): EngineCore => {
    const shape = { slotCount, contextLength, passTokensMax: 512, passRowsMax: 512 };
    return coreOf(new TextModel(shape, (text) => this.#usual.tell(text.slice(promptLength))));
  };

  /** What the draft says alone, the end included. */
  blindAnswer(): number[] {
    const said: number[] = [];
    while (said.at(-1) !== eos) {
      const logits = this.#usual.tell(said);
      said.push(logits.indexOf(Math.max(...logits)));
    }
    return said;
  }
}

const coreOf = (model: RowModel): EngineCore =>
  new EngineCore({ model, math: referenceRowMath(size), endOfText, now: () => 0 });
