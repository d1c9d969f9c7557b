// Runs the real command as a child process, and checks what a user types, sees and gets as exit
// code.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { tinyModel } from '../engine/gguf/tiny-model.suite.js';
import { writeGguf } from '../engine/gguf/writer.js';
import { repo, type StandInHub, sha256, startHub } from './hub/stand-in-hub.suite.js';
import { packageVersion } from './package-root.js';
import { run } from './processes/command.suite.js';

test('--version prints the version and nothing else', async () => {
  assert.deepEqual(await run(['--version']), { code: 0, out: `${packageVersion()}\n`, err: '' });
});

test('help goes to stdout when asked for, and to stderr when something is missing', async () => {
  const help = await run(['--help']);
  assert.equal(help.code, 0);
  assert.equal(help.err, '');
  assert.match(help.out, /Usage: pilotfish/);
  for (const command of ['demo', 'generate', 'models', 'doctor'])
    assert.match(help.out, new RegExp(`^ {2}${command} `, 'm'));
  assert.match(help.out, /Exit codes:\n +0 +done/);
  const nothing = await run([]);
  assert.deepEqual([nothing.code, nothing.out, nothing.err], [2, '', help.out]);
  const ofPull = await run(['models', 'pull', '--help']);
  assert.equal(ofPull.code, 0);
  assert.match(ofPull.out, /hf:user\/repo:Q4_K_M/);
  assert.match(ofPull.out, /env: PILOTFISH_JSON/);
  assert.deepEqual(await run(['help', 'models', 'pull']), ofPull);
});

test('wrong usage ends with 2 and names what is wrong', async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['modles'], /unknown command 'modles'.*commands are (\w+, )*models, /],
    [['help', 'modles'], /unknown command 'modles'; commands are (\w+, )*models, /],
    [['models', 'pul'], /unknown command 'pul'; commands of models are pull/],
    [['help', 'models', 'x'], /unknown command 'x'; commands of models are pull/],
    [
      ['run', 'x', '--scheme', 'split', '--mode', 'race'],
      /split does not work with --mode race; it works with pipeline, stop-and-wait, stream/,
    ],
    [['run', 'x', '--scheme', 'greedy'], /--temp is 0\.8/],
    [['run', 'x', '--draft', 'none', '--draft-length', '3'], /--draft-length needs a drafter/],
    [['run', 'x', '--stop-rule', 'confidence'], /needs --confidence-min/],
    [
      ['run', 'x', '--stop-rule', 'fixed', '--confidence-min', '0.5'],
      /--stop-rule confidence, not fixed/,
    ],
    [['generate', 'x', '--stop', ''], /--stop takes a text/],
    [['models', '--jsn'], /unknown option '--jsn' \(Did you mean --json\?\)/],
    [['models', 'pull'], /missing required argument 'reference'/],
    [['models', 'pull', 'user/repo'], /'user\/repo' does not begin with hf:/],
    [['models', 'pull', 'hf:../..'], /'hf:\.\.\/\.\.' names no repository/],
    [['doctor', 'extra'], /too many arguments/],
    [
      ['run', 'x', '--mode', 'rase'],
      /--mode takes race, pipeline, stop-and-wait, stream.*not 'rase'/,
    ],
  ];
  for (const [args, message] of cases) {
    const { code, out, err } = await run(args);
    assert.equal(code, 2, err);
    assert.equal(out, '');
    assert.match(err, /^pilotfish: .+ \[usage\]\n {2}.+\n$/);
    assert.match(err, message);
  }
  const { code, err } = await run(['models'], { PILOTFISH_JSON: 'perhaps' });
  assert.equal(code, 2);
  assert.match(err, /PILOTFISH_JSON takes 1, true.*not 'perhaps'/);
});

test('an empty environment variable counts as not set', async () => {
  const { code, err } = await run(['generate', 'x', '--threads-draft', '1'], {
    PILOTFISH_DRAFT: '',
    PILOTFISH_TEMP: '',
  });
  assert.equal(code, 2);
  assert.match(err, /--threads-draft needs a drafter/);
});

test('output that cannot be written ends with 1 and a sentence', {
  skip: existsSync('/dev/full') ? false : 'there is no /dev/full here',
}, async () => {
  const full = openSync('/dev/full', 'w');
  const script = fileURLToPath(new URL('./main.js', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [script, '--help'], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(full);
  assert.match(stderr, /^pilotfish: cannot write the output: ENOSPC.*\n$/);
  assert.equal(status, 1);
});

test('PILOTFISH_DEBUG adds the trace that is missing otherwise', async () => {
  const { err } = await run(['models', 'pull', 'x'], { PILOTFISH_DEBUG: '1' });
  assert.match(err, /\n {4}at .*reference/);
});

test('models lists the bundled pair, and the same as JSON', async () => {
  const text = await run(['models']);
  assert.equal(text.code, 0);
  assert.match(
    text.out,
    /^stories-target +9\.59 MB +Q8_0 +llama +512 +8 917 248 +\/.*stories-target-q8_0\.gguf$/m,
  );
  const { out } = await run(['models'], { PILOTFISH_JSON: '1' });
  const entries: { name: string; usable: boolean }[] = JSON.parse(out);
  assert.equal(entries.find(({ name }) => name === 'stories-draft')?.usable, true);
});

test('doctor --json is one document whose verdict is the exit code', async () => {
  const { code, out } = await run(['doctor', '--json']);
  const { verdict, checks, facts } = JSON.parse(out);
  assert.equal(code, verdict === 'fail' ? 1 : 0);
  assert.ok(checks.length >= 8);
  assert.equal(facts.system.nodeVersion, process.versions.node);
});

test('doctor prints one line a check and its remedies below', async () => {
  const { out } = await run(['doctor']);
  assert.match(out, /^(ok|note|warn|FAIL) +system +/m);
  assert.match(out, /^ok +Node +\d+/m);
  assert.ok(!out.includes('\u001b'));
});

const file = 'tiny-F16.gguf';
const name = `hf:${repo}/${file}`;

/** A hub with a real, tiny model, and an empty Hugging Face home. */
async function withHub(
  t: TestContext,
): Promise<{ hub: StandInHub; env: Record<string, string>; bytes: Uint8Array }> {
  const home = mkdtempSync(join(tmpdir(), 'pilotfish-main-'));
  const hub = await startHub();
  t.after(async () => {
    await hub.close();
    rmSync(home, { recursive: true });
  });
  const { metadata, tensors } = tinyModel();
  writeGguf(join(home, 'tiny.gguf'), metadata, tensors);
  const bytes = readFileSync(join(home, 'tiny.gguf'));
  hub.files.set(file, { bytes });
  return { hub, env: { HF_HOME: home, HF_ENDPOINT: hub.url }, bytes };
}

test('pull prints the path alone on stdout, and models knows the file by its name', async (t) => {
  const { env, bytes } = await withHub(t);
  const { code, out, err } = await run(['models', 'pull', name], env);
  assert.equal(code, 0, err);
  assert.deepEqual(readFileSync(out.trimEnd()), Buffer.from(bytes));
  assert.match(err, /Downloaded hf:user\/repo\/tiny-F16\.gguf in .*; the checksum is right\.\n$/);
  const listed = await run(['models', '--json'], env);
  const entry = JSON.parse(listed.out).find((one: { name: string }) => one.name === name);
  assert.deepEqual([entry.usable, entry.source, entry.path], [true, 'hub', out.trimEnd()]);
  const again = await run(['models', 'pull', '--json', `${name}@main`], env);
  const { state, quantisation, architecture, contextLength } = JSON.parse(again.out);
  assert.deepEqual(
    [state, quantisation, architecture, contextLength > 0],
    ['present', 'F16', 'llama', true],
  );
});

test('Ctrl-C ends a download with 130, and the next run continues it', async (t) => {
  const { hub, env, bytes } = await withHub(t);
  hub.faults.push({ kind: 'stall', after: 20_000 });
  const blobs = join(env['HF_HOME']!, 'hub', 'models--user--repo', 'blobs');
  const partial = join(blobs, `${sha256(bytes)}.incomplete`);
  // A pipe shows no progress before the first tenth, so the file shows that bytes have arrived.
  const { code, err } = await run(['models', 'pull', name], env, ({ kill }) => {
    const watch = setInterval(() => {
      if (statSync(partial, { throwIfNoEntry: false })?.size !== 20_000) return;
      clearInterval(watch);
      kill('SIGINT');
    }, 20).unref();
  });
  assert.equal(code, 130, err);
  assert.match(err, /20\.0 kB of .* are kept\) was stopped \[cancelled\]/);
  const second = await run(['models', 'pull', name], env);
  assert.equal(second.code, 0, second.err);
  assert.match(second.err, /^Continuing after 20\.0 kB/);
  assert.match(hub.fileRequests().at(-1)!.range!, /^bytes=20000-/);
  assert.deepEqual(readdirSync(blobs), [sha256(bytes)]);
});

test('a download that cannot succeed ends with the code of its kind', async (t) => {
  const { hub, env } = await withHub(t);
  hub.refusal = { status: 404, code: 'RepoNotFound' };
  const missing = await run(['models', 'pull', name], env);
  assert.equal(missing.code, 3);
  assert.match(missing.err, /no such repository: .* \[model-not-found\]/);
  hub.refusal = { status: 403, code: 'GatedRepo' };
  const gated = await run(['models', 'pull', name], env);
  assert.equal(gated.code, 4);
  assert.match(gated.err, /is gated: .* \[download-failed\]/);
  hub.refusal = null;
  hub.faults.push({ kind: 'flip' });
  const damaged = await run(['models', 'pull', name], env);
  assert.equal(damaged.code, 4);
  assert.match(damaged.err, /\[checksum-mismatch\]/);
});

test('a file that is no model is said to be none after the download', async (t) => {
  const { hub, env } = await withHub(t);
  hub.files.set('page.gguf', { bytes: new TextEncoder().encode('<!DOCTYPE html><html>') });
  const { code, out, err } = await run(['models', 'pull', `hf:${repo}/page.gguf`], env);
  assert.equal(code, 3);
  assert.equal(out, '');
  assert.match(err, /\[model-not-gguf\]/);
});
