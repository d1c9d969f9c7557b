// Hears plain sessions in tests, and waits until a server has nothing left of them.

import assert from 'node:assert/strict';
import type { PilotfishError } from '../base/error.js';
import type { Engine } from '../engine/engine.js';
import type { EndReason } from '../protocol/frame.js';
import type { PlainListener } from './plain-sessions.js';
import type { RunningServer } from './server.js';

/** Notes what it is told of a session. */
export class Heard implements PlainListener {
  promptLength = 0;
  cachedCount = -1;
  readonly tokenIds: number[] = [];
  readonly over: Promise<EndReason | PilotfishError>;
  #end: (how: EndReason | PilotfishError) => void = () => undefined;
  onTokens: () => void = () => undefined;

  constructor() {
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  accepted(promptLength: number): void {
    this.promptLength = promptLength;
  }

  started(cachedCount: number): void {
    this.cachedCount = cachedCount;
  }

  tokens(tokens: Int32Array): void {
    this.tokenIds.push(...tokens);
    this.onTokens();
  }

  ended(reason: EndReason): void {
    this.#end(reason);
  }

  failed(error: PilotfishError): void {
    this.#end(error);
  }
}

/** An engine whose passes let the event loop turn, as one with a thread of its own does. */
export function yielding(engine: Engine): Engine {
  const pass: Engine['pass'] = async (segments) => {
    await new Promise((resolve) => setImmediate(resolve));
    return engine.pass(segments);
  };
  return { ...engine, info: engine.info, pass, close: () => engine.close() };
}

/** Waits until the server holds no session and no connection. */
export async function settled(server: RunningServer): Promise<void> {
  for (let turn = 0; turn < 1000; turn++) {
    const { sessionCount, slotsOwned, connectionCount } = server.stats().core;
    const left = sessionCount + slotsOwned + connectionCount + server.plain.count;
    if (left === 0) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.fail(`${server.stats().core.sessionCount} sessions are left`);
}
