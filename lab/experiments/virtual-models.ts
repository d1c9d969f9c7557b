// Puts the bundled models into virtual time: what they compute is real, what it takes is said by
// the scenario. Each row is computed alone and once, so that no text depends on its drafts.

import { EngineCore } from '../../src/engine/engine-core.js';
import { createKernel } from '../../src/engine/kernel/kernel.js';
import type { RowMath } from '../../src/engine/row-math.js';
import type { RowModel } from '../../src/engine/row-model.js';
import type { Vocabulary } from '../../src/engine/vocabulary.js';
import type { Models } from '../../src/sim/index.js';
import { openBare, vocabularyOf } from '../bare-model.js';
import { RecalledModel } from './recalled-model.js';

const shape = { slotCount: 1, contextLength: 512, passTokensMax: 512, deterministic: true };

/** A head's file, none, or an exit that knows all that the last layer will say. */
export type VirtualExit = { readonly headPath: string } | 'oracle' | null;

export class VirtualModels {
  readonly vocabulary: Vocabulary;
  readonly #draft: RowModel;
  readonly #targetPath: string;
  readonly #targets = new Map<string, RecalledModel>();
  readonly #math: { readonly target: RowMath; readonly draft: RowMath };

  constructor(targetPath: string, draftPath: string) {
    this.#targetPath = targetPath;
    const draft = openBare({ ...shape, modelPath: draftPath });
    const { vocabSize } = draft;
    this.#draft = new RecalledModel(draft);
    this.#math = { target: createKernel(vocabSize), draft: createKernel(vocabSize) };
    this.vocabulary = vocabularyOf(draft);
  }

  /** For runs one after another. */
  with(exit: VirtualExit): Models {
    const target = this.#target(exit);
    return {
      vocabulary: this.vocabulary,
      target: () => this.#core(exit === 'oracle' ? oracleOf(target) : target, this.#math.target),
      draft: () => this.#core(this.#draft, this.#math.draft),
    };
  }

  /** Blocks below the exit, as a share of all: when its hints are told. */
  placeOf(exit: VirtualExit): number {
    const info = exit === 'oracle' ? null : this.#target(exit).exit;
    return info === null ? 0 : info.layer / info.layerCount;
  }

  #target(exit: VirtualExit): RecalledModel {
    const head = exit === 'oracle' ? null : exit;
    const name = head?.headPath ?? '';
    const known = this.#targets.get(name);
    if (known !== undefined) return known;
    const model = openBare({ ...shape, modelPath: this.#targetPath, exit: head });
    this.#targets.set(name, new RecalledModel(model));
    return this.#targets.get(name)!;
  }

  #core(model: RowModel, math: RowMath): EngineCore {
    const { endOfText } = this.vocabulary;
    return new EngineCore({ model, math, endOfText, now: () => 0 });
  }

  close(): void {
    for (const model of [this.#draft, ...this.#targets.values()]) model.close();
  }
}

/** Its exit's rows are those of the last layer: the bound of any exit. Closes nothing. */
function oracleOf(model: RecalledModel): RowModel {
  const { vocabSize, slotCount, contextLength, passTokensMax, passRowsMax } = model;
  const { copyPrefix, save, restore } = model;
  return {
    ...{ vocabSize, slotCount, contextLength, passTokensMax, passRowsMax },
    ...{ copyPrefix, save, restore, close: () => undefined },
    exit: { layer: 1, layerCount: 2, trained: true, sharpness: 20, coverage: 1 },
    feed(parts, onExit) {
      model.feed(parts);
      const count = parts.reduce((sum, { rowCount }) => sum + rowCount, 0);
      if (count > 0) onExit?.({ from: 0, count, row: (index) => model.row(index) });
    },
    row: (index) => model.row(index),
    truncate: (slot, length) => model.truncate(slot, length),
  };
}
