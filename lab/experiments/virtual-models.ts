// The bundled models in virtual time: what they compute is real, to the last token and hint; what it takes is said by the
// scenario. One thread, one slot each; computed alone, so that a text does not depend on how it was drafted, and a row once.

import type { ExitInfo } from '../../src/engine/engine.js';
import { EngineCore } from '../../src/engine/engine-core.js';
import { checkModelFile } from '../../src/engine/gguf/model-file.js';
import { createKernel } from '../../src/engine/kernel/kernel.js';
import { planExit } from '../../src/engine/llama/exit-plan.js';
import { openLlama, openTensors } from '../../src/engine/llama/ffi.js';
import { findLibrary } from '../../src/engine/llama/library.js';
import { NativeModel } from '../../src/engine/llama/native-model.js';
import { NativeVocabulary } from '../../src/engine/llama/native-vocabulary.js';
import { resolveOptions } from '../../src/engine/llama/options.js';
import type { RowMath } from '../../src/engine/row-math.js';
import type { ExitRows, Part, RowModel } from '../../src/engine/row-model.js';
import type { Vocabulary } from '../../src/engine/vocabulary.js';
import type { Models } from '../../src/sim/index.js';
import { RecalledModel } from './recalled-model.js';

const contextLength = 512;
const passTokensMax = 512;

/** A head's file, none, or an exit that knows all that the last layer will say. */
export type VirtualExit = { readonly headPath: string } | 'oracle' | null;

export class VirtualModels {
  readonly vocabulary: Vocabulary;
  readonly #draft: RowModel;
  readonly #targetPath: string;
  readonly #targets = new Map<string, RowModel>();
  readonly #math: { readonly target: RowMath; readonly draft: RowMath };

  constructor(targetPath: string, draftPath: string) {
    this.#targetPath = targetPath;
    const draft = openModel(draftPath, null);
    const { modelPointer, vocabSize } = draft;
    this.#draft = new RecalledModel(draft);
    this.#math = { target: createKernel(vocabSize), draft: createKernel(vocabSize) };
    this.vocabulary = new NativeVocabulary(openLlama(findLibrary()), modelPointer, () => false);
  }

  /** For runs one after another. */
  with(exit: VirtualExit): Models {
    const target = this.#target(exit);
    return {
      vocabulary: this.vocabulary,
      target: () =>
        this.#core(exit === 'oracle' ? new OracleModel(target) : target, this.#math.target),
      draft: () => this.#core(this.#draft, this.#math.draft),
    };
  }

  /** Blocks below the exit, as a share of all: when its hints are told. */
  placeOf(exit: VirtualExit): number {
    const info = exit === 'oracle' ? null : this.#target(exit).exit;
    return info === null ? 0 : info.layer / info.layerCount;
  }

  #target(exit: VirtualExit): RowModel {
    const headPath = exit === null || exit === 'oracle' ? null : exit.headPath;
    const name = headPath ?? '';
    const known = this.#targets.get(name);
    if (known !== undefined) return known;
    const model = new RecalledModel(openModel(this.#targetPath, headPath));
    this.#targets.set(name, model);
    return model;
  }

  #core(model: RowModel, math: RowMath): EngineCore {
    const { endOfText } = this.vocabulary;
    return new EngineCore({ model, math, endOfText, now: () => 0 });
  }

  close(): void {
    for (const model of [this.#draft, ...this.#targets.values()]) model.close();
  }
}

function openModel(modelPath: string, headPath: string | null): NativeModel {
  const facts = checkModelFile(modelPath);
  const exit = headPath === null ? null : planExit({ headPath }, facts);
  const options = { modelPath, slotCount: 1, contextLength, passTokensMax, threads: 1 };
  const files = findLibrary();
  const resolved = resolveOptions({ ...options, deterministic: true }, contextLength, exit);
  return new NativeModel(openLlama(files), resolved, exit && openTensors(files));
}

/** Tells as an exit's rows those of the last layer: the bound of any exit. */
class OracleModel implements RowModel {
  readonly exit: ExitInfo = { layer: 1, layerCount: 2, trained: true, sharpness: 20, coverage: 1 };
  readonly #model: RowModel;

  constructor(model: RowModel) {
    this.#model = model;
  }

  get vocabSize(): number {
    return this.#model.vocabSize;
  }

  get slotCount(): number {
    return this.#model.slotCount;
  }

  get contextLength(): number {
    return this.#model.contextLength;
  }

  get passTokensMax(): number {
    return this.#model.passTokensMax;
  }

  get passRowsMax(): number {
    return this.#model.passRowsMax;
  }

  feed(parts: readonly Part[], onExit?: (rows: ExitRows) => void): void {
    this.#model.feed(parts);
    const count = parts.reduce((sum, { rowCount }) => sum + rowCount, 0);
    if (count > 0) onExit?.({ from: 0, count, row: (index) => this.#model.row(index) });
  }

  row(index: number): Float32Array {
    return this.#model.row(index);
  }

  truncate(slot: number, length: number): void {
    this.#model.truncate(slot, length);
  }

  copyPrefix(from: number, to: number, length: number): void {
    this.#model.copyPrefix(from, to, length);
  }

  save(slot: number): Uint8Array {
    return this.#model.save(slot);
  }

  restore(slot: number, state: Uint8Array): boolean {
    return this.#model.restore(slot, state);
  }

  close(): void {}
}
