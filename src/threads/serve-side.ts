// The loop of a side thread: says that it is ready, then answers one request after another.

import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { assert } from '../base/assert.js';

/** A fifth of a core where all others are busy. */
const niceness = 5;

/**
 * Leaves the cores to the loop that serves all and to the model: what is asked of a side thread is
 * of one peer's making. Elsewhere than on Linux it would be the priority of the whole process.
 */
function stepBack(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, niceness);
  } catch {
    // A sandbox may forbid it; the thread then competes as the others do.
  }
}

/**
 * @param answer must not throw for anything that a peer can ask.
 * @param movedIn memory of a reply that is handed over, not copied.
 */
export function serveSide<Request, Reply>(
  answer: (request: Request) => Reply,
  movedIn: (reply: Reply) => ArrayBuffer[] = () => [],
): void {
  assert(parentPort !== null, 'a side thread was not started as a thread');
  stepBack();
  const port = parentPort;
  port.on('message', (request: Request) => {
    const reply = answer(request);
    port.postMessage(reply, movedIn(reply));
  });
  port.postMessage('ready');
}
