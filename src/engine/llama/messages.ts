// What the engine's thread and its owner say to each other. One request, one reply with the same
// id; a draft also says its tokens while it runs, a pass its hints. Everything here survives
// structured cloning.

import type { ErrorCode } from '../../base/error.js';
import type { DraftedToken, ExitHint, PassResult } from '../engine.js';
import type { EngineCore } from '../engine-core.js';
import type { ThreadCounts } from './cores.js';
import type { Pointer } from './ffi/structs.js';
import type { LibraryFiles } from './library.js';
import type { ResolvedOptions } from './options.js';

/** Methods that cross as they are. */
export type CoreMethod =
  | 'open'
  | 'draftEach'
  | 'truncate'
  | 'copyPrefix'
  | 'save'
  | 'restore'
  | 'see'
  | 'forget';
export type CoreArgs<M extends CoreMethod> = Parameters<EngineCore[M]>;
export type CoreResult<M extends CoreMethod> = ReturnType<EngineCore[M]>;

/** They come in lists: all that were asked for in one turn of the event loop. */
export type Request =
  | { readonly id: number; readonly method: CoreMethod; readonly args: readonly unknown[] }
  | { readonly id: number; readonly method: 'draft'; readonly args: readonly [unknown] }
  | {
      readonly id: number;
      readonly method: 'pass';
      readonly args: readonly [segments: unknown, wantsHints: boolean, followCount: number];
    }
  /** `wake`: a step was asked for through AskFlags while the thread was parked. Not answered. */
  | { readonly id: number; readonly method: 'close' | 'wake'; readonly args: readonly [] };

/** They come in lists: one that nothing waits for comes with the next. */
export type Reply =
  | { readonly id: number; readonly kind: 'done'; readonly result: unknown }
  | { readonly id: number; readonly kind: 'token'; readonly token: DraftedToken }
  | { readonly id: number; readonly kind: 'hints'; readonly hints: readonly ExitHint[] }
  /** A step of the run that the pass `id` began; null: it has to be asked for by a pass. */
  | {
      readonly id: number;
      readonly kind: 'ahead';
      readonly step: number;
      readonly result: PassResult | null;
    }
  | {
      readonly id: number;
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
    };

/** Sent once, before any reply. */
export type Greeting =
  | {
      readonly kind: 'ready';
      readonly modelPointer: Pointer;
      readonly contextLength: number;
      readonly kernel: string;
      readonly endOfText: readonly number[];
      /** Of ggml, as the system lets them start. */
      readonly threads: ThreadCounts;
      /** It waits until its owner has handled passes that it tells ahead. */
      readonly takesTurns: boolean;
      /** Sentences about threads that cost speed. */
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string };

export interface WorkerStart {
  readonly files: LibraryFiles;
  readonly options: ResolvedOptions;
  /** See stop-flags.ts; shared memory because the thread reads no messages while it computes. */
  readonly stopFlags: SharedArrayBuffer;
  /** See ask-flags.ts. */
  readonly askFlags: SharedArrayBuffer;
  /** See thread-turn.ts. */
  readonly threadTurn: SharedArrayBuffer;
}
