// Sets up the tests of a pull: a stand-in hub with one file, an empty cache, and a pull that never
// waits.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { repoPaths } from './cache.js';
import { type Pulled, pull } from './pull.js';
import { parseReference } from './reference.js';
import type { HubSettings } from './settings.js';
import { noiseBytes, repo, type StandInHub, sha256, startHub } from './stand-in-hub.suite.js';

export const file = 'sub/model-Q4_K_M.gguf';
export const name = `hf:${repo}/${file}`;
export const bytes = noiseBytes(300_000);
export const hash = sha256(bytes);

export interface Stage {
  readonly hub: StandInHub;
  readonly cacheDir: string;
  readonly paths: ReturnType<typeof repoPaths>;
  readonly retries: string[];
  readonly starts: number[];
  readonly waits: number[];
  run(text?: string, change?: Change): Promise<Pulled>;
}

export interface Change extends Partial<HubSettings> {
  readonly signal?: AbortSignal;
  /** Gets a function that ends the silence of a stalled server. */
  readonly onTimer?: (stall: () => void) => void;
  readonly onBytes?: (done: number) => void;
}

/** A hub with one file, an empty cache, and a pull that never waits. */
export async function setUp(t: TestContext): Promise<Stage> {
  const cacheDir = await mkdtemp(join(tmpdir(), 'pilotfish-pull-'));
  const hub = await startHub();
  t.after(async () => {
    await hub.close();
    await rm(cacheDir, { recursive: true });
  });
  hub.files.set(file, { bytes });
  const [retries, starts, waits]: [string[], number[], number[]] = [[], [], []];
  function run(text: string = name, change: Change = {}): Promise<Pulled> {
    const { signal = new AbortController().signal, onTimer, onBytes, ...settings } = change;
    return pull(parseReference(text), {
      settings: { endpoint: hub.url, token: null, cacheDir, offline: false, ...settings },
      rules: {
        signal,
        stallMs: 30_000,
        startTimer: (onEnd) => {
          onTimer?.(onEnd);
          return { refresh: () => undefined, close: () => undefined };
        },
        attemptsMax: 3,
        wait: async (ms) => {
          waits.push(ms);
        },
      },
      watcher: {
        onStart: (_remote, startBytes) => starts.push(startBytes),
        onBytes: (done) => onBytes?.(done),
        onRetry: ({ error }) => retries.push(error.message),
        onEnd: () => undefined,
      },
    });
  }
  return { hub, cacheDir, paths: repoPaths(cacheDir, repo), retries, starts, waits, run };
}

/** Ranges of all requests for file bytes; null for a whole file. */
export const ranges = (hub: StandInHub): (string | null)[] =>
  hub.fileRequests().map(({ range }) => range);
