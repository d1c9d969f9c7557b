// Runs what the thread of a pool is sent, one run after another.

import { parentPort } from 'node:worker_threads';
import { assert } from '../../src/base/assert.js';
import { simulateService } from '../../src/sim/index.js';
import type { ServiceOrder } from './service-pool.js';

const port = parentPort;
assert(port !== null, 'a thread of a pool');
port.on('message', ({ service, seed }: ServiceOrder) => {
  port.postMessage(simulateService(service, seed));
});
