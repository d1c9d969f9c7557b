// The arithmetic of the comparison with llama-server, and servers that it refuses.

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { runSetHere } from '../../src/cli/in-process.suite.js';
import { lab } from '../cli/program.js';
import { type PeerPair, peerRows } from './peer.js';
import { figures, longestGap, type PeerWork } from './work.js';

describe('a row of the comparison', () => {
  const one = { group: 'one', model: '9m-q8_0', name: '1 thread' } as const;
  const pair = (theirs: number, ours: number, load: number, text = 'a'): PeerPair => ({
    theirs: { figures: { speed: theirs }, answers: [{ text: 'a' }, { text: 'b' }], load },
    ours: { figures: { speed: ours }, answers: [{ text }, { text: 'b' }], load },
  });

  it('has medians, the quartiles of paired ratios, the load, and the share of equal texts', () => {
    // Ratios 0.5, 1, 1.5, 2, 2.5: the ratio of the medians is another.
    const pairs = [pair(2, 1, 0.1), pair(1, 1, 0.3), pair(4, 6, 0), pair(1, 2, 0.2, 'c')];
    const [row, ...others] = peerRows(one, [...pairs, pair(2, 5, 0.4)]);
    assert.deepEqual(others, []);
    assert.deepEqual(row, {
      ...{ row: 'one', model: '9m-q8_0', case: '1 thread', figure: 'speed' },
      ...{ theirs: 2, ours: 2, ratio: { value: 1.5, low: 1, high: 2 } },
      ...{ pairs: 5, load: 0.2, same: 90 },
    });
  });

  it('has no ratio where llama-server has nothing', () => {
    assert.equal(peerRows(one, [pair(0, 3, 0)])[0]!.ratio, null);
  });

  it('counts the tokens of users until one of them has no more to ask', () => {
    const usage = { completion_tokens: 8, prompt_tokens: 1 };
    const answer = (user: number, askedMs: number, pieceMs: number[]) => ({
      ...{ text: '', usage, user, askedMs, pieceMs },
    });
    const answers = [
      answer(0, 0, [10, 20]),
      answer(0, 20, [10, 20]),
      answer(1, 0, [30, 40, 50, 60]),
    ];
    const done = { answers, ms: 60 } as unknown as PeerWork;
    // Until 40 ms: 16 tokens of one user and half of the other's 8.
    assert.equal(figures.crowd['tokens/s while all ask'](done), 500);
  });

  it('finds the longest gap between tokens', () => {
    assert.equal(longestGap({ pieceMs: [5, 7, 11, 12] }), 4);
    assert.equal(longestGap({ pieceMs: [5] }), 0);
  });
});

describe('npm run lab -- peer', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-peer-'));
  after(() => rmSync(folder, { recursive: true }));
  const refused = async (name: string, pattern: RegExp): Promise<void> => {
    const path = join(folder, name);
    const { code, err } = await runSetHere(lab, ['peer', '--llama-server', path]);
    assert.equal(code, 2, err);
    assert.match(err, pattern);
  };
  const script = (name: string, mode: number, body: string): void => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(folder, name), mode);
  };

  it('refuses a server that is not there, is no program, or is of another version', async () => {
    await refused('none', /none is not there/);
    script('text', 0o644, '');
    await refused('text', /text is not executable/);
    await refused('.', /is not executable/);
    script('old', 0o755, 'echo "version: 0.4.9-dev (build 1)" >&2');
    await refused('old', /is of llama\.cpp 0\.4\.9, and Pilotfish loads 0\.5\.0/);
    script('other', 0o755, 'echo hello');
    await refused('other', /tells no version of the form x\.y\.z: hello/);
    script('broken', 0o755, 'echo no library >&2; exit 127');
    await refused('broken', /does not run \(127\): no library/);
  });
});
