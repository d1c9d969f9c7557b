// Has a model compute each row once, for texts that are written under many variants. Only around a
// model whose rows have the same bits in any company; of one slot, never copied or saved.

import { assert, InvariantError } from '../../src/base/assert.js';
import type { ExitInfo } from '../../src/engine/engine.js';
import type { ExitRows, Part, RowModel } from '../../src/engine/row-model.js';

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

const refused = (what: string) => (): never => {
  throw new InvariantError(`${what} of a model that recalls`);
};

export class RecalledModel implements RowModel {
  readonly slotCount = 1;
  readonly vocabSize: number;
  readonly contextLength: number;
  readonly passTokensMax: number;
  readonly passRowsMax: number;
  readonly exit: ExitInfo | null;
  readonly copyPrefix = refused('copyPrefix');
  readonly save = refused('save');
  readonly restore = refused('restore');
  readonly #model: RowModel;
  #root = nodeOf(-1);
  #rowCount = 0;
  /** What the slot holds, and the model's own slot, which falls behind while rows are recalled. */
  readonly #path: Node[] = [];
  readonly #held: number[] = [];
  #wanted: readonly Node[] = [];

  constructor(model: RowModel) {
    this.vocabSize = model.vocabSize;
    this.contextLength = model.contextLength;
    this.passTokensMax = model.passTokensMax;
    this.passRowsMax = model.passRowsMax;
    this.exit = model.exit;
    this.#model = model;
  }

  feed([part, ...others]: readonly Part[], onExit?: (rows: ExitRows) => void): void {
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
    this.#model.truncate(0, from);
    held.length = from;
    const missed = before.subarray(from);
    if (missed.length > 0) this.#model.feed([{ slot: 0, from, tokens: missed, rowCount: 0 }]);
    const keepExit = ({ from: first, count, row }: ExitRows): void => {
      for (let index = first; index < first + count; index++) {
        wanted[index]!.exitRow = this.#keep(row(index));
      }
    };
    this.#model.feed([part], wantsExit ? keepExit : undefined);
    held.push(...missed, ...part.tokens);
    wanted.forEach((node, index) => {
      node.row = this.#keep(this.#model.row(index));
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

  row(index: number): Float32Array {
    return this.#wanted[index]!.row!;
  }

  truncate(slot: number, length: number): void {
    assert(slot === 0, `slot ${slot}`);
    this.#path.length = Math.min(this.#path.length, length);
  }

  close(): void {
    this.#model.close();
  }
}
