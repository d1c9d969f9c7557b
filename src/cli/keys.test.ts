// Runs `pilotfish keys` as a user does: a key is shown once, listed without secrets, revoked by
// name or id, and the file is never half written.

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { FileKeyRing, readKeyFile } from '../access/index.js';
import { runHere } from './in-process.suite.js';
import { changeKeys } from './keys-change.js';

let folder = '';
let path = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'pilotfish-keys-'));
  path = join(folder, 'settings', 'keys.json');
});
after(() => rmSync(folder, { recursive: true }));

const keys = (...args: string[]) => runHere(['keys', ...args, '--keys', path]);

describe('pilotfish keys', () => {
  it('prints a key once, which works, and leaves a file for its owner alone', async () => {
    const { code, out, err } = await keys('create', 'pi 5');
    assert.equal(code, 0, err);
    const token = out.trim();
    assert.match(out, /^pf_[0-9a-f]{12}_[\w-]{43}\n$/);
    assert.match(err, /Key 'pi 5' \(id [0-9a-f]{12}\) is in .*keys\.json\./);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const ring = new FileKeyRing(path, { note: () => undefined });
    assert.ok(ring.grantOf(token) !== null);
    ring.close();
    const listed = await keys('list');
    assert.match(listed.out, /NAME.*\npi 5 +[0-9a-f]{12} .*never\n$/);
    const kept = JSON.parse(readFileSync(path, 'utf8')).keys[0];
    for (const secret of [kept.salt, kept.digest, token.slice(16)]) {
      const json = await keys('list', '--json');
      assert.ok(![listed.out, listed.err, json.out, json.err, err].join().includes(secret));
    }
  });

  it('lists the limits of keys that have some', async () => {
    await keys('create', 'ci', '--key-sessions', '4', '--key-tokens-per-minute', '3000');
    const { out } = await keys('list');
    assert.match(out, /LIMITS/);
    assert.match(out, /\nci .* sessions 4, tokens-per-minute 3000 +never\n/);
    assert.equal(JSON.parse((await keys('list', '--json')).out).at(-1).limits.sessions, 4);
    await keys('revoke', 'ci');
    assert.doesNotMatch((await keys('list')).out, /LIMITS/);
  });

  it('refuses a name twice, an invalid name, and an unknown key', async () => {
    await keys('create', 'twice');
    const cases: [string[], RegExp][] = [
      [['create', 'twice'], /there is a key 'twice' in .* already/],
      [['create', '-'], /a key name has 1 to 64 letters/],
      [['create', 'a\nb'], /a key name has/],
      [['create', 'late', '--expires-days', '0'], /--expires-days takes a whole number/],
      [['revoke', 'nobody'], /there is no key 'nobody'/],
    ];
    for (const [args, says] of cases) {
      const before = readFileSync(path, 'utf8');
      const { code, out, err } = await keys(...args);
      assert.deepEqual([code, out], [2, ''], args.join(' '));
      assert.match(err.replace(/\s+/g, ' '), says);
      assert.equal(readFileSync(path, 'utf8'), before);
    }
  });

  it('revokes by name and by id', async () => {
    const { id } = JSON.parse((await keys('create', 'gone', '--json')).out);
    assert.equal((await keys('revoke', id)).code, 0);
    await keys('create', 'gone', '--expires-days', '2');
    assert.match((await keys('list')).out, /gone .*T..:..Z +- +20..-..-..T..:..Z\n/);
    assert.equal((await keys('revoke', 'gone')).code, 0);
    assert.doesNotMatch((await keys('list')).out, /gone/);
  });

  it('makes keys without rights, unless --may gives some', async () => {
    await keys('create', 'scraper', '--may', 'stats');
    await keys('create', 'device');
    const may = JSON.parse((await keys('list', '--json')).out).map(
      ({ name, may }: { name: string; may: string[] }) => [name, may],
    );
    assert.deepEqual(new Map(may).get('scraper'), ['stats']);
    assert.deepEqual(new Map(may).get('device'), []);
    assert.match((await keys('list')).out, /scraper .* stats +never\n/);
    const { code, err } = await keys('create', 'wrong', '--may', 'all');
    assert.equal(code, 2);
    assert.match(err, /--may/);
  });

  it('loses none of many that are made at once, and leaves nothing beside the file', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `device-${index}`);
    const made = await Promise.all(names.map((name) => keys('create', name)));
    assert.ok(made.every(({ code }) => code === 0));
    const there = readKeyFile(path).map(({ name }) => name);
    for (const name of names) assert.ok(there.includes(name), name);
    assert.deepEqual(readdirSync(join(folder, 'settings')), ['keys.json']);
  });

  it('keeps a mode that lets a group read, and changes nothing where a change fails', async () => {
    chmodSync(path, 0o640);
    await keys('create', 'grouped');
    assert.equal(statSync(path).mode & 0o777, 0o640);
    const before = readFileSync(path, 'utf8');
    const failing = changeKeys(path, () => {
      throw new Error('no');
    });
    await assert.rejects(failing, /no/);
    assert.equal(readFileSync(path, 'utf8'), before);
    assert.deepEqual(readdirSync(join(folder, 'settings')), ['keys.json']);
  });
});
