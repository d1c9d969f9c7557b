// The loop of a side thread: says that it is ready, then answers one request after another.

import { parentPort } from 'node:worker_threads';
import { assert } from '../base/assert.js';

/** @param answer must not throw for anything that a peer can ask. */
export function serveSide<Request, Reply>(answer: (request: Request) => Reply): void {
  assert(parentPort !== null, 'a side thread was not started as a thread');
  const port = parentPort;
  port.on('message', (request: Request) => port.postMessage(answer(request)));
  port.postMessage('ready');
}
