// Checks that the gate's exact readings are the same in every run.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { virtualProbes } from './probes.js';

it('readings in virtual time are the same twice, positive, and named once', async () => {
  const probes = virtualProbes.filter(({ name }) => /one device, round trip 5 ms|split/.test(name));
  const read = async () => (await Promise.all(probes.map((probe) => probe.read()))).flat();
  const readings = await read();
  assert.deepEqual(await read(), readings);
  assert.ok(readings.length >= 7 && readings.every(({ value }) => value.value > 0));
  assert.equal(new Set(readings.map(({ id }) => id)).size, readings.length);
});
