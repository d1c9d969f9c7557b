// Checks the flags of `pilotfish device`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { addDevice } from './device.js';
import type { Terminal } from './screen/terminal.js';

function optionsOf(...flags: string[]): Record<string, unknown> {
  const program = new Command();
  addDevice(program, {} as Terminal, () => undefined);
  const device = program.commands[0]!.action(() => undefined);
  program.parse(['device', ...flags], { from: 'user' });
  return device.opts();
}

test('--http alone opens the port above the server, and with a number that port', () => {
  assert.equal(optionsOf('--http')['http'], 7434);
  assert.equal(optionsOf('--http', '8080')['http'], 8080);
  assert.equal(optionsOf()['http'], undefined);
});
