// What goes wrong before a server runs, and what top says where none runs: one sentence and the documented exit code.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runHere } from './in-process.suite.js';

describe('serve and top without a server', () => {
  const cases = [
    { args: ['serve', '-m', 'no-such-model'], code: 3, says: /no file 'no-such-model'/ },
    { args: ['serve'], code: 2, says: /model/ },
    { args: ['serve', '-m', 'x', '--port', '70000'], code: 2, says: /--port takes .*70000/ },
    { args: ['serve', '-m', 'x', '-md', 'y'], code: 2, says: /devices bring the draft models/ },
    { args: ['serve', '-m', 'x', '--api-key', ''], code: 2, says: /--api-key takes/ },
    { args: ['serve', '-m', 'x', '--batching', 'elastic'], code: 2, says: /continuous, static/ },
    {
      args: ['serve', '-m', 'x', '--alternative', 'http://b'],
      code: 2,
      says: /--alternative takes/,
    },
    { args: ['top', '--server', 'ws://127.0.0.1:9'], code: 4, says: /no server answers at/ },
    { args: ['top', '--server', 'http://localhost'], code: 2, says: /--server takes host/ },
    { args: ['top', '-s', '127.0.0.1:9'], code: 4, says: /no server answers at/ },
  ];
  for (const { args, code, says } of cases) {
    it(`${args.join(' ')}: ${code}`, async () => {
      const ended = await runHere(args);
      assert.equal(ended.code, code, ended.err);
      assert.match(ended.err, says);
      assert.equal(ended.out, '');
    });
  }
});
