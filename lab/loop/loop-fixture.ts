// Opens what measurements of the real loop share: a server process, a link before it, devices on
// the link, and recorded texts that devices replay. Closes all of it.

import { type Relay, startRelay } from '../../src/cli/demo/relay.js';
import {
  type ServerHandle,
  type ServerSpec,
  startServerProcess,
} from '../../src/cli/demo/server-handle.js';
import type { DrafterChoice } from '../../src/device/client.js';
import type { AheadBudget } from '../../src/device/core/drafting/ahead/ahead-budget.js';
import type { Client } from '../../src/device/index.js';
import { type LlamaOptions, loadLlamaEngine } from '../../src/engine/llama/index.js';
import type { Vocabulary } from '../../src/engine/vocabulary.js';
import type { LinkShape } from '../../src/sim/profiles/link-profiles.js';
import { endlessSampling, storyPrompt } from '../bundled-texts.js';
import { connectDevice, type WriteTask } from './fleet.js';
import { type Recording, record } from './recording.js';

/** On one ggml thread. @param more Default: passes take what they take, continuous batches. */
export const llamaServer = (
  options: LlamaOptions,
  more: Partial<Pick<Extract<ServerSpec, { kind: 'llama' }>, 'pace' | 'batching' | 'draft'>> = {},
): ServerSpec => ({
  kind: 'llama',
  options: { threads: 1, probe: false, ...options },
  pace: null,
  ...more,
});

export class LoopFixture {
  readonly server: ServerHandle;
  readonly #relay: Relay | null;
  readonly #vocabulary: Vocabulary;
  readonly #devices: Client[] = [];

  private constructor(server: ServerHandle, relay: Relay | null, vocabulary: Vocabulary) {
    this.server = server;
    this.#relay = relay;
    this.#vocabulary = vocabulary;
  }

  /** @param vocabulary that devices speak. @param link null: devices reach the server directly. */
  static async open(
    spec: ServerSpec,
    vocabulary: Vocabulary,
    link: LinkShape | null,
  ): Promise<LoopFixture> {
    const server = await startServerProcess(spec);
    return new LoopFixture(server, link && (await startRelay(server.port, link)), vocabulary);
  }

  /** Changes the link for bytes from now on. */
  set link(shape: LinkShape) {
    this.#relay!.shape = shape;
  }

  async connect(drafter: DrafterChoice, ahead: Partial<AheadBudget> = {}): Promise<Client> {
    const { port } = this.#relay ?? this.server;
    const url = `ws://127.0.0.1:${port}`;
    const device = await connectDevice(url, this.#vocabulary, drafter, ahead);
    this.#devices.push(device);
    return device;
  }

  /** Work and the passes and rows that the server computed for it. */
  async counting<Result>(work: () => Promise<Result>) {
    const before = (await this.server.report()).stats.core;
    const result = await work();
    const after = (await this.server.report()).stats.core;
    return {
      ...result,
      passCount: after.passCount - before.passCount,
      rowCount: after.rowCount - before.rowCount,
    };
  }

  async disconnect(): Promise<void> {
    for (const device of this.#devices.splice(0)) await device.close();
  }

  async close(): Promise<void> {
    await this.disconnect();
    await this.#relay?.close();
    await this.server.stop();
  }
}

/** Of different prompts and seeds; the vocabulary is gone once they are closed. */
export type RecordedTexts = Awaited<ReturnType<typeof recordTexts>>;

/** Coupled. @param runnersUpMax of each proposal, so many are recorded as well. */
export async function recordTexts(
  paths: { readonly target: string; readonly draft: string },
  count: number,
  tokenCount: number,
  runnersUpMax = 0,
) {
  const shape = { contextLength: 512, threads: 1, probe: false, deterministic: true };
  const target = await loadLlamaEngine({ ...shape, modelPath: paths.target });
  const draft = await loadLlamaEngine({ ...shape, modelPath: paths.draft });
  const { vocabulary } = target.info;
  const sampling = endlessSampling(vocabulary);
  const recordings: Recording[] = [];
  for (let index = 0; index < count; index++) {
    const prompt = storyPrompt(vocabulary, index);
    const job = { prompt, seed: BigInt(index + 1), scheme: 'coupled', sampling } as const;
    recordings.push(await record(target, draft, { ...job, tokenCount, runnersUpMax }));
  }
  const close = async (): Promise<void> => {
    await Promise.all([target.close(), draft.close()]);
  };
  return { vocabulary, sampling, recordings, close };
}

/** Has a recorded text written again; the mode is to be added. */
export const replayTask = (
  { recordings, sampling }: RecordedTexts,
  index: number,
): Omit<WriteTask, 'mode'> => {
  const { prompt, seed, text } = recordings[index % recordings.length]!;
  return { prompt, seed, sampling, scheme: 'coupled', tokensMax: text.length };
};
