// Requests that cost a server much more than they cost their sender: schemas, chats, texts and
// bodies of the greatest size, each new. Every attack goes on until it is told to stop.

import { setTimeout as sleep } from 'node:timers/promises';
import { decodeServerFrame, encodeFrame } from '../../src/protocol/codec.js';
import { limits } from '../../src/protocol/limits.js';
import { helloFrame, openSocket, rawOpenFrame } from './raw-device.js';

export interface CostlyTarget {
  readonly port: number;
  readonly key: string;
  readonly isOver: () => boolean;
}

export interface CostlyAttack {
  readonly name: string;
  /** @returns how many requests were answered. */
  readonly run: (target: CostlyTarget) => Promise<number>;
}

const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** Each is new by its `salt`. */
const schemas = {
  patterns: (salt: number): unknown => ({
    anyOf: many(250, (index) => {
      const pattern = `[a-z]*${index}[a-z]*x${index}[a-z]*[0-9]*[A-Z]*_${salt}`;
      return { type: 'string', pattern };
    }),
  }),
  properties: (salt: number): unknown => ({
    type: 'object',
    properties: Object.fromEntries(
      many(1200, (index) => [`p${index}_${salt}`, { type: 'string' }]),
    ),
  }),
  enumeration: (salt: number): unknown => ({
    enum: many(5000, (index) => `v${index}_${salt}`),
  }),
} as const;

let salt = 0;

/** A device that has greeted. `ask` opens a session and resolves when it is answered. */
async function deviceOf({ port, key }: CostlyTarget) {
  const socket = (await openSocket(port, { key }))!;
  const waiting = new Map<number, () => void>();
  let session = 0;
  socket.on('message', (data: Buffer) => {
    const decoded = decodeServerFrame(data, limits.frameBytes.value);
    if (!('ok' in decoded) || !('session' in decoded.ok)) return;
    waiting.get(decoded.ok.session ?? -1)?.();
  });
  socket.on('close', () => {
    for (const done of waiting.values()) done();
  });
  socket.send(helloFrame());
  await new Promise((resolve) => socket.once('message', resolve));
  const ask = async (changes: Parameters<typeof rawOpenFrame>[1], closes: boolean) => {
    const id = session++;
    const answered = new Promise<void>((resolve) => {
      waiting.set(id, resolve);
    });
    socket.send(rawOpenFrame(id, { tokensMax: 16, ...changes }));
    await answered;
    waiting.delete(id);
    if (closes) socket.send(closeFrame(id));
  };
  return { socket, ask };
}

const closeFrame = (session: number): Uint8Array => encodeFrame({ kind: 'close', session });

type Changes = () => Parameters<typeof rawOpenFrame>[1];

/** So many Opens at a time, each on a connection of its own. */
const overWire =
  (lanes: number, changes: Changes): CostlyAttack['run'] =>
  async (target) => {
    const devices = await Promise.all(many(lanes, () => deviceOf(target)));
    const counts = devices.map(async ({ socket, ask }) => {
      let count = 0;
      for (; !target.isOver() && socket.readyState === 1; count++) await ask(changes(), true);
      socket.terminate();
      return count;
    });
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  };

/** So many requests at a time. */
const overHttp =
  (lanes: number, path: string, body: () => string): CostlyAttack['run'] =>
  async ({ port, key, isOver }) => {
    const lane = async (): Promise<number> => {
      let count = 0;
      for (; !isOver(); count++) {
        const signal = AbortSignal.timeout(20_000);
        const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
        const init = { method: 'POST', headers, body: body(), signal };
        try {
          await (await fetch(`http://127.0.0.1:${port}${path}`, init)).text();
        } catch {
          await sleep(100);
        }
      }
      return count;
    };
    return (await Promise.all(many(lanes, lane))).reduce((sum, count) => sum + count, 0);
  };

const schema =
  (make: (salt: number) => unknown): Changes =>
  () => ({ schema: JSON.stringify(make(salt++)) });

const model = 'toy';
const formatted = (make: (salt: number) => unknown): string => {
  const json_schema = { name: 'bomb', schema: make(salt++) };
  const response_format = { type: 'json_schema', json_schema };
  return JSON.stringify({ model, prompt: 'The', max_tokens: 8, response_format });
};

const bodyOf = (text: string): string => `{"model":"${model}","max_tokens":1,"prompt":${text}}`;
const nested = bodyOf('['.repeat(4_000_000) + ']'.repeat(4_000_000));
const objects = bodyOf(`[${'{},'.repeat(2_600_000)}{}]`);
const ids = bodyOf(`[${'1,'.repeat(3_900_000)}1]`);
const emoji = bodyOf(JSON.stringify('\u{1F600}'.repeat(2_000_000)));
const chat = {
  kind: 'messages',
  messages: many(1024, (index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: 'word '.repeat(800),
  })),
} as const;
const text = { kind: 'text', text: 'the old clock '.repeat(299_000) } as const;
/** As long as could fit a context of 512 tokens. */
const fitting = { kind: 'text', text: '\u{1F600}'.repeat(1900) } as const;

const { patterns, properties, enumeration } = schemas;

export const costlyAttacks: readonly CostlyAttack[] = [
  { name: 'Opens with 250 patterns', run: overWire(1, schema(patterns)) },
  { name: 'Opens with 1200 properties', run: overWire(1, schema(properties)) },
  { name: 'Opens with 5000 values', run: overWire(1, schema(enumeration)) },
  { name: 'eight at a time, 250 patterns', run: overWire(8, schema(patterns)) },
  {
    name: 'POSTs with 250 patterns',
    run: overHttp(1, '/v1/completions', () => formatted(patterns)),
  },
  {
    name: 'eight POSTs at a time, 5000 values',
    run: overHttp(8, '/v1/completions', () => formatted(enumeration)),
  },
  { name: 'bodies of 8 MB, nested', run: overHttp(1, '/v1/completions', () => nested) },
  { name: 'bodies of 8 MB, objects', run: overHttp(1, '/v1/completions', () => objects) },
  { name: 'bodies of 8 MB, token ids', run: overHttp(1, '/v1/completions', () => ids) },
  { name: 'bodies of 8 MB, one text', run: overHttp(1, '/v1/completions', () => emoji) },
  { name: 'chats of 1024 messages', run: overWire(1, () => ({ prompt: chat })) },
  { name: 'texts of 4 MB', run: overWire(1, () => ({ prompt: text })) },
  { name: 'texts at the edge of the context', run: overWire(8, () => ({ prompt: fitting })) },
];
