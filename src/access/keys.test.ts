// Checks keys: only the token opens, nothing stored is the token, and a changed file takes effect
// while in use.

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { unlimited } from '../base/key-grant.js';
import { isTokenOf, makeKey } from './device-key.js';
import { keyFileText, limitsOf, readKeyFile } from './key-file.js';
import { FileKeyRing } from './key-ring.js';

const facts = { createdS: 5, expiresS: null, limits: unlimited };
const make = (name: string, change = {}) => makeKey({ name, ...facts, ...change });

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'pilotfish-keys-'));
});
after(() => rmSync(folder, { recursive: true }));

let fileCount = 0;
function fileWith(text: string): string {
  const path = join(folder, `keys-${++fileCount}.json`);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

describe('a key', () => {
  it('is opened by its token and by no change of it', () => {
    const { token, stored } = make('pi');
    assert.ok(isTokenOf(stored, token));
    assert.ok(!isTokenOf(undefined, token));
    for (let at = 0; at < token.length; at++) {
      const other = token[at] === 'A' ? 'B' : 'A';
      assert.ok(!isTokenOf(stored, token.slice(0, at) + other + token.slice(at + 1)), `at ${at}`);
    }
    assert.ok(!isTokenOf(stored, `${token}A`) && !isTokenOf(stored, ''));
  });

  it('is kept without its token, and differs from every other', () => {
    const { token, stored } = make('pi');
    const secret = token.split('_').at(-1)!.slice(0, 8);
    assert.ok(!JSON.stringify(stored).includes(secret));
    assert.equal(Buffer.from(token.slice(16), 'base64url').length, 32);
    const tokens = Array.from({ length: 100 }, () => make('pi').token);
    assert.equal(new Set(tokens).size, 100);
  });
});

describe('a key file', () => {
  it('comes back as it was written', () => {
    const keys = [
      make('pi 5').stored,
      make('jetson', { expiresS: 9, limits: limitsOf({ sessions: 4, tokensPerMinute: 600 }) })
        .stored,
    ];
    assert.deepEqual(readKeyFile(fileWith(keyFileText(keys))), keys);
  });

  it('is refused whole where an entry is wrong, and never quoted', () => {
    const { stored } = make('pi');
    const wrong = [
      { ...stored, digest: 'abc' },
      { ...stored, salt: undefined },
      { ...stored, name: 'a\u001b[2J' },
      { ...stored, expiresS: -1 },
      { ...stored, expiresS: undefined },
      { ...stored, limits: { ...unlimited, sessions: 0 } },
      { ...stored, limits: {} },
      { ...stored, may: ['everything'] },
      { ...make('pi').stored },
      { ...make('other').stored, id: stored.id },
      null,
    ];
    for (const entry of wrong) {
      const path = fileWith(JSON.stringify({ version: 1, keys: [stored, entry] }));
      assert.throws(() => readKeyFile(path), { code: 'usage', message: /entry 1$/ });
    }
    for (const text of ['', '[]', '{"version":2,"keys":[]}', '{"version":1}', 'pf_secret']) {
      assert.throws(
        () => readKeyFile(fileWith(text)),
        (error: Error) => /is not/.test(error.message) && !error.message.includes('pf_secret'),
      );
    }
  });

  it('never makes reading it throw anything else, no matter what it holds', () => {
    const json = fc.oneof(
      fc.json(),
      fc
        .record({ version: fc.constant(1), keys: fc.array(fc.jsonValue()) })
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(json, (text) => {
        try {
          readKeyFile(fileWith(text));
        } catch (error) {
          assert.equal((error as { code: string }).code, 'usage');
        }
      }),
      { numRuns: 200 },
    );
  });

  it('that others may write is refused', () => {
    const path = fileWith(keyFileText([]));
    chmodSync(path, 0o620);
    assert.throws(() => readKeyFile(path), { message: /may be written by others; run chmod 600/ });
    chmodSync(path, 0o640);
    assert.deepEqual(readKeyFile(path), []);
    assert.throws(() => readKeyFile(join(folder, 'none')), { message: /does not exist/ });
  });
});

describe('a key ring', () => {
  it('grants what the file says, until the key expires or is revoked', () => {
    const limits = limitsOf({ sessions: 2 });
    const [pi, jetson] = [
      make('pi', { limits, may: ['stats'] }),
      make('jetson', { expiresS: 100 }),
    ];
    const path = fileWith(keyFileText([pi.stored, jetson.stored]));
    let nowMs = 99_999;
    const [revoked, notes]: [string[], string[]] = [[], []];
    const note = (line: string): unknown => notes.push(line);
    const ring = new FileKeyRing(path, { note, now: () => nowMs });
    ring.onRevoked((ids) => revoked.push(...ids));
    assert.deepEqual(ring.grantOf(pi.token), { id: pi.stored.id, limits, may: ['stats'] });
    assert.deepEqual(ring.grantOf(jetson.token)?.may, [], 'no right unless it is given');
    assert.equal(ring.grantOf(jetson.token)?.id, jetson.stored.id);
    for (const unauthenticated of [make('pi').token, pi.stored.id, '', 'Bearer x']) {
      assert.equal(ring.grantOf(unauthenticated), null);
    }
    nowMs = 100_000;
    assert.equal(ring.grantOf(jetson.token), null);
    writeFileSync(path, keyFileText([jetson.stored]));
    ring.reload();
    assert.equal(ring.grantOf(pi.token), null);
    assert.deepEqual(revoked.sort(), [pi.stored.id, jetson.stored.id].sort());
    assert.match(notes.join(), /valid now: 0/);
    ring.close();
  });

  it('keeps its keys where the file has become unusable, and complains', () => {
    const { token, stored } = make('pi');
    const path = fileWith(keyFileText([stored]));
    const notes: string[] = [];
    const ring = new FileKeyRing(path, { note: (line) => notes.push(line) });
    writeFileSync(path, '{');
    ring.reload();
    rmSync(path);
    ring.reload();
    assert.ok(ring.grantOf(token) !== null);
    assert.match(notes[0]!, /is not JSON; the keys stay as they were/);
    assert.match(notes[1]!, /does not exist; the keys stay/);
    ring.close();
  });

  it('notices by itself that the file was replaced, and that a key has expired', async () => {
    const [pi, jetson] = [make('pi'), make('jetson', { expiresS: 1 })];
    const path = fileWith(keyFileText([pi.stored, jetson.stored]));
    let nowMs = 0;
    const options = { note: () => undefined, now: () => nowMs, everyMs: 2 };
    const ring = new FileKeyRing(path, options);
    // The ring's own timer keeps no process alive.
    const alive = setInterval(() => undefined, 1_000);
    const revokedNext = (): Promise<readonly string[]> =>
      new Promise((resolve) => ring.onRevoked((ids) => resolve([...ids])));
    const expired = revokedNext();
    nowMs = 1_000;
    assert.deepEqual(await expired, [jetson.stored.id]);
    const revoked = revokedNext();
    writeFileSync(path, keyFileText([jetson.stored]));
    assert.deepEqual(await revoked, [pi.stored.id]);
    ring.close();
    clearInterval(alive);
  });
});
