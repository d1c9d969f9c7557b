// Runs the device of examples/python, a second implementation of the protocol, against a real
// server: its text is that of `run --mode stream`, in every mode, with lost connections, over TLS.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeCertificate, openSslMissing } from '../../access/certificate.suite.js';
import type { ConformanceResult } from '../conformance/conformance-check.js';
import { checkDevice } from '../conformance/device-conformance.js';
import { CliServer, freePort } from './cli-process.suite.js';
import { run } from './command.suite.js';

const served = ['-m', 'stories-target', '-t', '1', '-c', '128', '--slots', '4', '--deterministic'];
const prompt = 'Once upon a time, a fox named Ember met a fox named';
const tokensMax = 64;
const vocabulary = 'models/stories-target-q8_0.gguf';

/** Why the tests are skipped; false: they are not. */
function pythonMissing(): string | false {
  const script = 'import sys, ssl; sys.exit(sys.version_info < (3, 9))';
  const { status } = spawnSync('python3', ['-c', script]);
  return status === 0 ? false : 'there is no python3 of version 3.9 or newer';
}

interface PythonAnswer {
  readonly ids: readonly number[];
  readonly text: string;
  readonly tally: Readonly<Record<'drafted' | 'accepted' | 'resumptions', number>>;
}

function python(file: string, args: readonly string[], env = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('python3', [`examples/python/${file}`, ...args], {
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...env },
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (text) => {
      out += text;
    });
    child.stderr.on('data', (text) => {
      err += text;
    });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(out) : reject(new Error(`${file}: ${err}`)),
    );
  });
}

interface Law {
  readonly temperature: number;
  readonly seed: number;
}

async function answerOf(
  server: string,
  { temperature, seed }: Law,
  args: readonly string[],
  env = {},
): Promise<PythonAnswer> {
  const law = ['--temperature', `${temperature}`, '--seed', `${seed}`];
  const length = ['--max-tokens', `${tokensMax}`, '--vocab', vocabulary, '--json'];
  const out = await python(
    'device.py',
    [prompt, '--server', server, ...law, ...length, ...args],
    env,
  );
  return JSON.parse(out);
}

async function streamed(address: string, { temperature, seed }: Law): Promise<PythonAnswer> {
  const law = ['--temp', `${temperature}`, '--seed', `${seed}`, '-n', `${tokensMax}`];
  const how = ['--mode', 'stream', '--draft', 'none', '--no-stats', '--json'];
  const { out, err, code } = await run(['run', prompt, '-s', address, ...how, ...law]);
  assert.equal(code, 0, err);
  const { tokens, text } = JSON.parse(out);
  return { ids: tokens, text, tally: { drafted: 0, accepted: 0, resumptions: 0 } };
}

describe('the device in Python', { skip: pythonMissing() }, () => {
  let [folder, port] = ['', 0];
  let server: CliServer | null = null;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pilotfish-python-'));
    port = await freePort();
    server = new CliServer(port, served);
    await server.start();
  });
  after(async () => {
    await server?.kill();
    rmSync(folder, { recursive: true });
  });

  it('computes every vector', async () => {
    const out = await python('check_vectors.py', ['vectors']);
    assert.equal(out.trim().split('\n').length, 4, out);
  });

  const laws = { coupled: { temperature: 0.5, seed: 14 }, greedy: { temperature: 0, seed: 14 } };
  for (const [scheme, law] of Object.entries(laws)) {
    it(`writes the text of the target alone in every mode: ${scheme}`, async () => {
      const expected = await streamed(`127.0.0.1:${port}`, law);
      assert.equal(expected.ids.length, tokensMax);
      let acceptedCount = 0;
      for (const mode of ['stream', 'stop-and-wait', 'pipeline', 'race', 'auto']) {
        const answer = await answerOf(`ws://127.0.0.1:${port}`, law, ['--mode', mode]);
        assert.deepEqual([answer.ids, answer.text], [expected.ids, expected.text], mode);
        assert.equal(answer.tally.drafted > 0, mode !== 'stream', mode);
        acceptedCount += answer.tally.accepted;
      }
      // Which n-grams the text repeats depends on its seed; this one has some.
      if (scheme === 'coupled') assert.ok(acceptedCount > 0, 'no draft stood');
    });
  }

  it('resumes after every lost connection, and the text goes on', async () => {
    const expected = await streamed(`127.0.0.1:${port}`, laws.coupled);
    for (const mode of ['stop-and-wait', 'pipeline', 'race']) {
      const args = ['--mode', mode, '--drop-every', '12', '--no-reopen'];
      const answer = await answerOf(`ws://127.0.0.1:${port}`, laws.coupled, args);
      assert.deepEqual(answer.ids, expected.ids, mode);
      assert.ok(answer.tally.resumptions > 0, mode);
    }
  });

  it('keeps the rules of a device', async () => {
    for (const mode of ['stop-and-wait', 'pipeline', 'race']) {
      const failed: ConformanceResult[] = [];
      let writing: Promise<string> | null = null;
      const onListening = (address: string): void => {
        writing = python('device.py', [prompt, '--server', address, '--mode', mode]);
      };
      const { signal } = new AbortController();
      for await (const result of checkDevice({ port: 0, waitMs: 10_000, signal, onListening })) {
        if (result.outcome === 'fail') failed.push(result);
      }
      assert.deepEqual(failed, [], mode);
      await writing;
    }
  });

  it('connects over TLS with a key, and not without one', { skip: openSslMissing() }, async () => {
    const { keyPath, certPath } = makeCertificate(folder);
    const keysPath = join(folder, 'keys.json');
    const key = (await run(['keys', 'create', 'python', '--keys', keysPath])).out.trim();
    const tlsPort = await freePort();
    const tls = ['--keys', keysPath, '--tls-cert', certPath, '--tls-key', keyPath];
    const closed = new CliServer(tlsPort, [...served, ...tls]);
    await closed.start();
    try {
      const expected = await streamed(`127.0.0.1:${port}`, laws.coupled);
      const to = [`wss://127.0.0.1:${tlsPort}`, laws.coupled, ['--ca', certPath]] as const;
      const answer = await answerOf(...to, { PILOTFISH_KEY: key });
      assert.deepEqual(answer.ids, expected.ids);
      await assert.rejects(answerOf(...to), /401/);
    } finally {
      await closed.kill();
    }
  });
});
