// Starts an HTTP API over a scripted generator on a real socket, for tests.

import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openAccess } from '../access/access.js';
import { PilotfishError } from '../base/error.js';
import { DeltaQueue } from './delta-queue.js';
import type {
  Delta,
  GenerationRequest,
  GenerationResult,
  GenerationStream,
  Generator,
  ModelCard,
  Readiness,
} from './generator.js';
import { createHttpApi, type HttpApi, type HttpApiOptions } from './http-api.js';

export const modelName = 'toy';

export const card: ModelCard = {
  id: modelName,
  aliases: ['Toy Model'],
  createdS: 1_700_000_000,
  contextLength: 256,
  fingerprint: 'fp-1',
  seesPictures: false,
};

export const resultOf = (change: Partial<GenerationResult> = {}): GenerationResult => ({
  reason: 'length',
  promptCount: 5,
  cachedCount: 4,
  tokenCount: 3,
  isVerified: true,
  draftedCount: 8,
  testedCount: 6,
  acceptedCount: 4,
  sources: { device: 2, model: 0, suffix: 0, target: 1 },
  roundCount: 2,
  firstTokenMs: 10,
  totalMs: 30,
  ...change,
});

export const word = (text: string, token = 7): Delta => ({ text, token, logprobs: null });

/** Scripts a generation: pushes to the queue and ends it, now or later. */
export type Script = (queue: DeltaQueue, request: GenerationRequest) => void;

/** Accepts, pushes three words in three turns of the event loop, ends. */
export const threeWords: Script = (queue) => {
  queue.accept(5);
  void (async () => {
    for (const text of ['one', ' two', ' three']) {
      queue.push(word(text));
      await new Promise((resolve) => setImmediate(resolve));
    }
    queue.end({ result: resultOf() });
  })();
};

export class ScriptedGenerator implements Generator {
  models = [card];
  readiness: Readiness = 'ready';
  script: Script;
  readonly requests: GenerationRequest[] = [];
  /** Generations that have not ended. */
  openCount = 0;

  constructor(play: Script = threeWords) {
    this.script = play;
  }

  generate(request: GenerationRequest): GenerationStream {
    this.requests.push(request);
    this.openCount++;
    const queue = new DeltaQueue(() => queue.abort());
    request.signal.addEventListener('abort', () => queue.abort());
    const over = (): void => {
      this.openCount--;
    };
    queue.result.then(over, over);
    this.script(queue, request);
    return queue;
  }

  tokenBytes(token: number): Uint8Array {
    return Buffer.from(`t${token}`);
  }
}

export const failing =
  (code: PilotfishError['code'], message: string, retryAfterMs = 0): Script =>
  (queue) =>
    queue.end({ error: new PilotfishError(code, message, { retryAfterMs }) });

export interface OpenApi {
  readonly url: string;
  readonly api: HttpApi;
  readonly mistakes: unknown[];
  post(
    path: string,
    body: unknown,
    headers?: Record<string, string>,
    signal?: AbortSignal | null,
  ): Promise<Response>;
  close(): Promise<void>;
}

export async function openApi(
  generator: Generator,
  change: Partial<HttpApiOptions> = {},
): Promise<OpenApi> {
  const mistakes: unknown[] = [];
  const api = await createHttpApi({
    ...{ generator, metrics: [], access: openAccess() },
    onMistake: (reason) => mistakes.push(reason),
    ...change,
  });
  const { url, close } = await listenOn(api.handle);
  return {
    ...{ url, api, mistakes },
    close: async () => {
      await close();
      api.close();
    },
    post: (path, body, headers = {}, signal = null) =>
      fetch(url + path, {
        method: 'POST',
        signal,
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
  };
}

/** Runs `use` with an API of its own. @throws where the API reported a mistake. */
export async function withApi(
  generator: ScriptedGenerator,
  change: Partial<HttpApiOptions>,
  use: (api: OpenApi) => Promise<void>,
): Promise<void> {
  const api = await openApi(generator, change);
  try {
    await use(api);
    assert.deepEqual(api.mistakes, []);
  } finally {
    await api.close();
  }
}

/** The smallest valid request. */
export const ask = { model: modelName, prompt: 'x' };

/** The parts of a body that tests read. */
interface Said {
  readonly [name: string]: unknown;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly param: string | null;
  };
  readonly choices: readonly { readonly index: number; readonly text: string }[];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
}
export const json = (response: Response): Promise<Said> => response.json() as Promise<Said>;

export const metricsOf = async (url: string): Promise<string> =>
  (await fetch(`${url}/metrics`)).text();

async function listenOn(handle: RequestListener) {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Waits for a condition over turns of the event loop. */
export async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; !holds(); turn++) {
    if (turn > 2_000) throw new Error('the condition never held');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
