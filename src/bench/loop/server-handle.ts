// The parent's side of server-process.ts: starts it, asks it for counts, ends it.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { PilotfishError } from '../../base/error.js';
import type { LlamaOptions } from '../../engine/llama/index.js';
import type { Batching, ServerStats } from '../../server/index.js';
import type { PassPace } from './paced-engine.js';
import type { RecordedPass } from './pass-recorder.js';

export type ServerSpec =
  | {
      readonly kind: 'scripted';
      readonly slotCount: number;
      readonly contextLength: number;
      /** How long sessions outlive their connections; default: as shipped. */
      readonly resumeMs?: number;
    }
  | {
      readonly kind: 'llama';
      readonly options: LlamaOptions;
      /** Null: passes take what they take. */
      readonly pace: PassPace | null;
      /** Default: continuous. */
      readonly batching?: Batching;
    }
  /** A bare WebSocket server that answers every message with `replyBytes` bytes. */
  | { readonly kind: 'echo'; readonly replyBytes: number };

export interface ServerReport {
  readonly stats: ServerStats | null;
  readonly passes: readonly RecordedPass[];
  /** Processor time of the process since it began, all threads. */
  readonly cpuMs: number;
}

/** Each is answered with a report. */
export type ServerCommand =
  | { readonly kind: 'stats' }
  | { readonly kind: 'pace'; readonly pace: PassPace | null };

export interface ServerHandle {
  readonly pid: number;
  readonly port: number;
  report(): Promise<ServerReport>;
  /** Changes what passes take from the next one on; only with kind `llama`. */
  setPace(pace: PassPace | null): Promise<void>;
  stop(): Promise<void>;
}

/**
 * @param isDetached keeps the keyboard's Ctrl-C from it: whoever started it decides.
 * @throws PilotfishError `engine-failed` where the process ends before it listens.
 */
export async function startServerProcess(
  spec: ServerSpec,
  isDetached = false,
): Promise<ServerHandle> {
  const script = fileURLToPath(new URL('./server-process.js', import.meta.url));
  const child = fork(script, [JSON.stringify(spec)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: isDetached,
  });
  const { port } = (await nextMessage(child)) as { port: number };
  const command = (what: ServerCommand): Promise<ServerReport> => {
    child.send(what);
    return nextMessage(child) as Promise<ServerReport>;
  };
  return {
    pid: child.pid!,
    port,
    report: () => command({ kind: 'stats' }),
    setPace: async (pace) => {
      await command({ kind: 'pace', pace });
    },
    stop: async () => {
      if (!child.connected) return;
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void =>
      reject(new PilotfishError('engine-failed', `the server's process ended with ${code}`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message);
    });
  });
}
