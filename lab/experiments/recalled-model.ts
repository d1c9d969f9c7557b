// Has a model compute each row once: the same texts are written under many variants, and a row
// depends on nothing but the tokens before it. Only around a model whose rows have the same bits
// whatever they are computed with; of one slot, whose cache is never copied or saved.

import { assert, InvariantError } from '../../src/base/assert.js';
import type { ExitInfo } from '../../src/engine/engine.js';
import type { ExitRows, Part, RowModel } from '../../src/engine/row-model.js';

/** Passes everything on: what stands around a model changes only what it is about. */
export class WrappedModel implements RowModel {
  protected readonly model: RowModel;
  readonly vocabSize: number;
  readonly slotCount: number;
  readonly contextLength: number;
  readonly passTokensMax: number;
  readonly passRowsMax: number;
  readonly exit: ExitInfo | null;

  constructor(model: RowModel) {
    this.model = model;
    this.vocabSize = model.vocabSize;
    this.slotCount = model.slotCount;
    this.contextLength = model.contextLength;
    this.passTokensMax = model.passTokensMax;
    this.passRowsMax = model.passRowsMax;
    this.exit = model.exit;
  }

  feed(parts: readonly Part[], onExit?: (rows: ExitRows) => void): void {
    this.model.feed(parts, onExit);
  }

  row(index: number): Float32Array {
    return this.model.row(index);
  }

  truncate(slot: number, length: number): void {
    this.model.truncate(slot, length);
  }

  copyPrefix(from: number, to: number, length: number): void {
    this.model.copyPrefix(from, to, length);
  }

  save(slot: number): Uint8Array {
    return this.model.save(slot);
  }

  restore(slot: number, state: Uint8Array): boolean {
    return this.model.restore(slot, state);
  }

  close(): void {
    this.model.close();
  }
}

/** A token behind others, and what the model and its exit said there, where they were asked. */
interface Node {
  readonly token: number;
  readonly next: Map<number, Node>;
  row: Float32Array | null;
  exitRow: Float32Array | null;
}

const nodeOf = (token: number): Node => ({ token, next: new Map(), row: null, exitRow: null });

/** Rows remembered: beyond these all are forgotten, so that memory stays bounded. */
const rowsMax = 12_000;

export class RecalledModel extends WrappedModel {
  override readonly slotCount = 1;
  #root = nodeOf(-1);
  #rowCount = 0;
  /**
   * What the slot holds, and what the model's own slot holds: that falls behind while rows are
   * recalled.
   */
  readonly #path: Node[] = [];
  readonly #held: number[] = [];
  #wanted: readonly Node[] = [];

  override feed([part, ...others]: readonly Part[], onExit?: (rows: ExitRows) => void): void {
    assert(part?.slot === 0 && others.length === 0, 'one part, of slot 0');
    assert(part.from === this.#path.length, `from ${part.from} of ${this.#path.length}`);
    if (this.#rowCount > rowsMax) this.#forget();
    for (const token of part.tokens) this.#path.push(this.#step(token));
    const { rowCount } = part;
    const wanted = this.#path.slice(this.#path.length - rowCount);
    this.#wanted = wanted;
    const isKnown = (node: Node): boolean =>
      node.row !== null && (!onExit || node.exitRow !== null);
    if (!wanted.every(isKnown)) this.#compute(part, onExit !== undefined);
    // An exit may say nothing of a part.
    if (rowCount === 0 || wanted.some(({ exitRow }) => exitRow === null)) return;
    onExit?.({ from: 0, count: rowCount, row: (index) => wanted[index]!.exitRow! });
  }

  #step(token: number): Node {
    const { next } = this.#path.at(-1) ?? this.#root;
    const node = next.get(token) ?? nodeOf(token);
    next.set(token, node);
    return node;
  }

  /** Brings the model to where the part begins, computes it, and remembers the wanted rows. */
  #compute(part: Part, wantsExit: boolean): void {
    const [held, wanted] = [this.#held, this.#wanted];
    const before = Int32Array.from(this.#path.slice(0, part.from), ({ token }) => token);
    let from = 0;
    while (from < before.length && before[from] === held[from]) from++;
    this.model.truncate(0, from);
    held.length = from;
    const missed = before.subarray(from);
    if (missed.length > 0) this.model.feed([{ slot: 0, from, tokens: missed, rowCount: 0 }]);
    const keepExit = ({ from: first, count, row }: ExitRows): void => {
      for (let index = first; index < first + count; index++) {
        wanted[index]!.exitRow = this.#keep(row(index));
      }
    };
    this.model.feed([part], wantsExit ? keepExit : undefined);
    held.push(...missed, ...part.tokens);
    wanted.forEach((node, index) => {
      node.row = this.#keep(this.model.row(index));
    });
  }

  #keep(row: Float32Array): Float32Array {
    this.#rowCount++;
    return row.slice();
  }

  #forget(): void {
    const tokens = this.#path.map(({ token }) => token);
    this.#root = nodeOf(-1);
    this.#rowCount = 0;
    this.#path.length = 0;
    for (const token of tokens) this.#path.push(this.#step(token));
  }

  override row(index: number): Float32Array {
    return this.#wanted[index]!.row!;
  }

  override truncate(slot: number, length: number): void {
    assert(slot === 0, `slot ${slot}`);
    this.#path.length = Math.min(this.#path.length, length);
  }

  override copyPrefix(): never {
    throw new InvariantError('copyPrefix of a model that recalls');
  }

  override save(): never {
    throw new InvariantError('save of a model that recalls');
  }

  override restore(): never {
    throw new InvariantError('restore of a model that recalls');
  }
}
