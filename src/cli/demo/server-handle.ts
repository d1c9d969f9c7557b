// Starts server-process.ts from its parent, asks it for counts and ends it.

import type { LlamaOptions } from '../../engine/llama/index.js';
import type { Batching, ServerStats } from '../../server/index.js';
import { startChild } from './child.js';
import type { PassPace } from './paced-engine.js';
import type { RecordedPass } from './pass-recorder.js';

export type ServerSpec =
  | {
      readonly kind: 'scripted';
      readonly slotCount: number;
      readonly contextLength: number;
    }
  | {
      readonly kind: 'llama';
      readonly options: LlamaOptions;
      /** Null: passes are not delayed. */
      readonly pace: PassPace | null;
      /** Default: continuous. */
      readonly batching?: Batching;
      /**
       * The draft model beside the target; a delayed pass takes a tenth of the target's. Default:
       * the server drafts nothing. It never looks drafts up: texts that are written again, to be
       * compared, would cost nothing.
       */
      readonly draft?: LlamaOptions;
    };

export interface ServerReport {
  readonly stats: ServerStats;
  readonly passes: readonly RecordedPass[];
  /** Processor time of the process since its start, all threads. */
  readonly cpuMs: number;
}

/** Commands; each is answered with a report. */
export type ServerCommand =
  | { readonly kind: 'stats' }
  | { readonly kind: 'pace'; readonly pace: PassPace | null };

export interface ServerHandle {
  readonly pid: number;
  readonly port: number;
  report(): Promise<ServerReport>;
  /** Changes the pace from the next pass on; only with kind `llama`. */
  setPace(pace: PassPace | null): Promise<void>;
  stop(): Promise<void>;
}

/** @param isDetached keeps the keyboard's Ctrl-C from it: its parent decides when it ends. */
export async function startServerProcess(
  spec: ServerSpec,
  isDetached = false,
): Promise<ServerHandle> {
  const script = new URL('./server-process.js', import.meta.url);
  const child = await startChild<{ port: number }, ServerCommand, ServerReport>(script, spec, {
    isDetached,
  });
  return {
    pid: child.pid,
    port: child.ready.port,
    report: () => child.ask({ kind: 'stats' }),
    setPace: async (pace) => {
      await child.ask({ kind: 'pace', pace });
    },
    stop: child.stop,
  };
}
