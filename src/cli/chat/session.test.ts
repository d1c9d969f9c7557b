// Checks a conversation with answers, refusals and Ctrl-C, over a scripted client and input.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ErrorCode, PilotfishError } from '../../base/error.js';
import type { GenerateOptions, Piece } from '../../device/index.js';
import { drawn } from '../../pictures/drawn.suite.js';
import type { InputLine } from './line-input.js';
import { type ChatParts, ChatSession } from './session.js';

/**
 * The server's reply to a request: a text and the reason of its end, an error, or a beginning that
 * is stopped.
 */
type Reply =
  | { readonly text: string; readonly reason?: string }
  | { readonly code: ErrorCode }
  | { readonly begins: string };

interface Talk {
  readonly requests: GenerateOptions[];
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

const piece = (text: string): Piece => ({
  kind: 'token',
  position: 0,
  token: 0,
  text,
  origin: 'target',
});

/** An answer that behaves as a client's does. */
function answerOf(reply: Reply, { signal }: GenerateOptions, onBegun: () => void) {
  async function* pieces(): AsyncGenerator<Piece> {
    if ('code' in reply) throw new PilotfishError(reply.code, 'so it is');
    yield piece('text' in reply ? reply.text : reply.begins);
    if ('text' in reply) return;
    onBegun();
    assert.ok(signal!.aborted);
    throw new PilotfishError('cancelled', 'stopped by the caller');
  }
  const text = 'text' in reply ? reply.text : '';
  const reason = ('reason' in reply && reply.reason) || 'end-of-text';
  const result = Promise.resolve({ text, reason, isVerified: true, tokens: [], statistics: {} });
  return { [Symbol.asyncIterator]: pieces, result, statistics: null };
}

const options = {
  system: 'Be brief.',
  stop: [],
  maxTokens: 9,
  draftLength: 4,
  confidenceMin: 0,
  window: 8,
  imageSide: 64,
};

async function talk(
  lines: readonly (string | InputLine)[],
  replies: readonly Reply[],
  isKeyboard = true,
  pictures: readonly Uint8Array[] = [],
): Promise<Talk> {
  const requests: GenerateOptions[] = [];
  let [out, err] = ['', ''];
  let interrupt: () => void = () => assert.fail('Ctrl-C was not asked for');
  const terminal = {
    out: { write: (text: string) => (out += text) },
    err: { write: (text: string) => (err += text) },
    env: {},
    signal: new AbortController().signal,
    onInterrupt: (stop: () => void) => {
      interrupt = stop;
      return () => undefined;
    },
  };
  const script = [...lines];
  const input = {
    isKeyboard,
    read: async (): Promise<InputLine> => {
      const next = script.shift() ?? { kind: 'end' };
      return typeof next === 'string' ? { kind: 'line', text: next } : next;
    },
    aside: (say: () => void) => say(),
  };
  const client = {
    generate: (request: GenerateOptions) => {
      const reply = replies[requests.length]!;
      requests.push(request);
      return answerOf(reply, request, () => interrupt());
    },
  };
  const drafting = { drafter: { kind: 'none' }, engine: { info: { chatTemplate: null } } };
  const parts = { options, terminal, client, ...drafting, pictures, input, seed: 7n };
  const code = await new ChatSession(parts as unknown as ChatParts).run();
  return { requests, out, err, code };
}

const said = ({ messages }: GenerateOptions): string[] =>
  messages!.map(({ role, content }) => `${role[0]}: ${content}`);

test('each message is sent with all that was said before, each answer with a seed of its own', async () => {
  const { requests, out, code } = await talk(['one', 'two'], [{ text: ' eins' }, { text: 'zwei' }]);
  assert.deepEqual(said(requests[1]!), ['s: Be brief.', 'u: one', 'a: eins', 'u: two']);
  assert.deepEqual([requests[0]!.seed, requests[1]!.seed], [7n, 8n]);
  assert.deepEqual([out, code], ['eins\nzwei\n', 0]);
});

test('Ctrl-C stops the answer and not the program; what was written stays', async () => {
  const { requests, code } = await talk(['one', 'two'], [{ begins: ' ei' }, { text: 'zwei' }]);
  assert.deepEqual(said(requests[1]!), ['s: Be brief.', 'u: one', 'a: ei', 'u: two']);
  assert.equal(code, 0);
});

test('Ctrl-C twice at an empty prompt ends the program, once does not', async () => {
  const empty: InputLine = { kind: 'interrupt', hadText: false };
  const half: InputLine = { kind: 'interrupt', hadText: true };
  const once = await talk([empty, 'one', empty, half, 'two'], [{ text: 'a' }, { text: 'b' }]);
  assert.equal(once.requests.length, 2);
  const twice = await talk([empty, empty, 'one'], []);
  assert.deepEqual([twice.requests.length, twice.code], [0, 0]);
});

test('oldest turns are dropped until the prompt fits, with a note', async () => {
  const full: Reply = { code: 'prompt-too-long' };
  const replies = [{ text: '1' }, { text: '2' }, full, full, { text: '3' }];
  const { requests, err } = await talk(['a', 'b', 'c'], replies);
  assert.deepEqual(said(requests[4]!), ['s: Be brief.', 'u: c']);
  assert.match(err, /the context is full: the 2 oldest turns were dropped/);
});

test('an answer that fills the context makes room for the next', async () => {
  const replies = [{ text: '1' }, { text: '2', reason: 'context' }, { text: '3' }];
  const { requests, err } = await talk(['a', 'b', 'c'], replies);
  assert.deepEqual(said(requests[2]!), ['s: Be brief.', 'u: b', 'a: 2', 'u: c']);
  assert.match(err, /the oldest turn was dropped/);
  const alone = await talk(['a'], [{ text: '1', reason: 'context' }]);
  assert.match(alone.err, /the answer ends here/);
});

test('a failed answer is no part of the conversation; a pipe ends with its exit code', async () => {
  const replies: Reply[] = [{ code: 'link-lost' }, { text: '2' }];
  const { requests, err, code } = await talk(['a', 'b'], replies);
  assert.match(err, /so it is \[link-lost\]/);
  assert.deepEqual([said(requests[1]!), code], [['s: Be brief.', 'u: b'], 0]);
  const piped = await talk(['a', 'b'], replies, false);
  assert.deepEqual([piped.requests.length, piped.code], [1, 4]);
  const refused = await talk(['a', 'b'], [{ code: 'server-refused' }]);
  assert.deepEqual([refused.requests.length, refused.code], [1, 4]);
});

test('commands do what they say, and unknown ones are named', async () => {
  const lines = ['a', '/system Be long.', '/again', '/clear', 'b', '/sytem', '/help', '/bye', 'c'];
  const { requests, err } = await talk(lines, [{ text: '1' }, { text: '2' }, { text: '3' }]);
  assert.deepEqual(requests.map(said), [
    ['s: Be brief.', 'u: a'],
    ['s: Be long.', 'u: a'],
    ['s: Be long.', 'u: b'],
  ]);
  assert.equal(requests[1]!.seed, 8n);
  assert.match(err, /there is no \/sytem; \/help lists the commands/);
  assert.match(err, /\n\/clear +drop/);
});

test('a model without a chat template does not write the next question', async () => {
  const { requests } = await talk(['a'], [{ text: '1' }]);
  assert.deepEqual(requests[0]!.stops, ['\nUser:']);
});

test('a message that the end of a pipe cuts off is still asked', async () => {
  const { requests } = await talk(['"""a', 'b'], [{ text: '1' }], false);
  assert.deepEqual(said(requests[0]!).at(-1), 'u: a\nb');
});

test('pictures go with the message that follows, and stay with it in later requests', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-chat-'));
  const file = join(folder, 'room.png');
  writeFileSync(file, await drawn(8, 8).png().toBuffer());
  const lines = ['one', `/image ${file}`, 'two', 'three'];
  const replies = [{ text: 'a' }, { text: 'b' }, { text: 'c' }];
  const { requests, code } = await talk(lines, replies, true, [Uint8Array.of(7)]);
  rmSync(folder, { recursive: true });
  assert.equal(code, 0);
  const places = requests.map(({ pictures }) => pictures!.map(({ message }) => message));
  assert.deepEqual(places, [[1], [1, 3], [1, 3]]);
  assert.equal(requests[0]!.pictures![0]!.bytes[0], 7);
});

test('a question that fails keeps its pictures, and a script ends at a wrong file', async () => {
  const replies = [{ code: 'server-busy' }, { text: 'b' }] as const;
  const { requests } = await talk(['one', 'two'], replies, true, [Uint8Array.of(7)]);
  assert.deepEqual(
    requests.map(({ pictures }) => pictures!.length),
    [1, 1],
  );
  const wrong = await talk(['/image /nowhere.png', 'one'], [{ text: 'a' }], false);
  assert.deepEqual([wrong.requests.length, wrong.code], [0, 2]);
  assert.match(wrong.err, /there is no picture \/nowhere\.png/);
});
