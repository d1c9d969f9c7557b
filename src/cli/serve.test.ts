// Checks serve and top where no server runs: one sentence and the documented exit code.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { bundledFolder } from '../engine/llama/bundled.js';
import { runHere } from './in-process.suite.js';

const bundled = (file: string): string => join(bundledFolder, file);

describe('serve and top without a server', () => {
  const cases = [
    { args: ['serve', '-m', 'no-such-model'], code: 3, says: /no file 'no-such-model'/ },
    { args: ['serve'], code: 2, says: /model/ },
    { args: ['serve', '-m', 'x', '--port', '70000'], code: 2, says: /--port takes .*70000/ },
    { args: ['serve', '-m', 'x', '-md', 'a,b'], code: 2, says: /a model, suffix, both/ },
    { args: ['serve', '-m', 'x', '-md', 'none,suffix'], code: 2, says: /a model, suffix, both/ },
    {
      args: ['serve', '-m', 'stories-target', '-md', 'sufix'],
      code: 3,
      says: /--draft: there is no file 'sufix'; .*suffix and none need no file/,
    },
    {
      args: ['serve', '-m', 'x', '-td', '2'],
      code: 2,
      says: /--threads-draft needs a draft model/,
    },
    {
      args: ['serve', '-m', 'x', '--api-key', 's3cret'],
      code: 2,
      says: /--api-key is not accepted/,
    },
    {
      args: ['serve', '-m', 'x', '--host', '0.0.0.0'],
      code: 2,
      says: /0\.0\.0\.0 .*needs --keys and --tls-cert .* or --insecure-open-to-network/s,
    },
    { args: ['serve', '-m', 'x', '--tls-cert', 'c.pem'], code: 2, says: /go together/ },
    { args: ['serve', '-m', 'x', '--keys', '/nowhere'], code: 2, says: /nowhere does not exist/ },
    { args: ['device', '--http', '--http-host', '::'], code: 2, says: /:: .*needs --http-keys/s },
    { args: ['run', 'x', '--api-key', 's3cret'], code: 2, says: /--key-file or PILOTFISH_KEY/ },
    { args: ['run', 'x', '--key-file', '/nowhere'], code: 2, says: /nowhere does not exist/ },
    {
      args: ['run', 'x', '-s', '192.0.2.1', '--key-file', 'models/manifest.json'],
      code: 2,
      says: /holds no key/,
    },
    { args: ['serve', '-m', 'x', '--batching', 'elastic'], code: 2, says: /continuous, static/ },
    {
      args: ['serve', '-m', 'x', '--alternative', 'http://b'],
      code: 2,
      says: /--alternative takes/,
    },
    {
      args: ['serve', '-m', 'stories-target', '--exit-head', 'none.gguf'],
      code: 3,
      says: /--exit-head: there is no file 'none.gguf'; bundled heads are .*stories-exit-4/,
    },
    {
      args: ['serve', '-m', 'stories-target', '--exit-head', '8'],
      code: 2,
      says: /exit layer 8 is outside \[1, 7\]/,
    },
    {
      args: ['serve', '-m', 'stories-target', '--exit-head', bundled('stories-draft-q8_0.gguf')],
      code: 3,
      says: /stories-draft-q8_0.gguf: the file is no exit head/,
    },
    {
      args: ['serve', '-m', 'stories-draft', '--exit-head', 'stories-exit-4'],
      code: 3,
      says: /made for a target of blocks 8; .*stories-draft-q8_0.gguf has 2/,
    },
    {
      args: ['serve', '-m', 'stories-target', '--mmproj', 'none.gguf'],
      code: 3,
      says: /--mmproj: there is no file 'none.gguf'/,
    },
    {
      args: ['serve', '-m', 'stories-target', '-mm', 'stories-draft'],
      code: 3,
      says: /stories-draft-q8_0.gguf: the file is no image encoder/,
    },
    {
      args: ['serve', '-m', 'stories-target', '-mm', bundled('robot/robot-encoder-f16.gguf')],
      code: 3,
      says: /one of another model: it makes embeddings of length 160; .* takes 256/,
    },
    {
      args: ['serve', '-m', 'stories-target', '-mm', bundled('manifest.json')],
      code: 3,
      says: /manifest.json: not a GGUF file/,
    },
    {
      args: ['serve', '-m', 'stories-target', '--threads-mmproj', '2'],
      code: 2,
      says: /--threads-mmproj needs an image encoder/,
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
      assert.doesNotMatch(ended.err, /s3cret/);
    });
  }
});
