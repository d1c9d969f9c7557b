// The demo plays on screens and into pipes: nothing but text in a pipe, nothing beyond the width on a screen.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Round } from '../../local/speculate.js';
import type { Terminal } from '../terminal.js';
import { RoundPlayer } from './player.js';

const words = ['', 'Once', ' upon', ' a', ' time', ' the', ',', ' there'];
const vocabulary = {
  tokenBytes: (token: number) => new TextEncoder().encode(words[token]!),
};
const rounds: readonly Round[] = [
  { drafted: [2, 5, 4], acceptedCount: 1, final: 'residual', tokens: [2, 3] },
  { drafted: [4], acceptedCount: 1, final: 'bonus', tokens: [4, 6] },
  { drafted: [], acceptedCount: 0, final: 'bonus', tokens: [7] },
];

/** Pauses end at once, because the user has stopped the command already. */
async function play(surroundings: { isTTY?: boolean; env?: Terminal['env']; columns?: number }) {
  let written = '';
  const out = {
    write: (text: string) => {
      written += text;
    },
    isTTY: surroundings.isTTY,
  };
  const terminal: Terminal = {
    out,
    err: out,
    env: surroundings.env ?? {},
    signal: AbortSignal.abort(),
  };
  const player = new RoundPlayer(vocabulary, { terminal, columns: surroundings.columns ?? 79 });
  player.prompt('Once');
  for (const round of rounds) await player.play(round);
  player.end();
  return written;
}

/** A screen of one page that knows what the player uses: text, line breaks, up, column, erase to the end. */
function screenOf(written: string): string {
  const lines = [''];
  let [row, column] = [0, 0];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what it reads
  for (const [piece] of written.matchAll(/\u001b\[[\d;]*[A-Za-z]|[^\u001b]/g)) {
    const [, count, kind] = /^.\[([\d;]*)([A-Za-z])$/.exec(piece) ?? [];
    if (kind === undefined && piece !== '\n') {
      lines[row] = (lines[row] ?? '').slice(0, column) + piece;
      column++;
    } else if (piece === '\n') [row, column] = [row + 1, 0];
    else if (kind === 'A') row -= Number(count);
    else if (kind === 'G') column = Number(count) - 1;
    else if (kind === 'J') lines.splice(row, Infinity, (lines[row] ?? '').slice(0, column));
  }
  return lines.join('\n').trimEnd();
}

test('a pipe gets the marked text at once and no control sequence', async () => {
  assert.equal(await play({}), 'Once upon[- the time-]{+ a+} time{*,*} there\n');
});

test('a screen without colour gets the same', async () => {
  assert.equal(await play({ isTTY: true, env: { NO_COLOR: '1' } }), await play({}));
});

test('on a screen drafts are shown and taken back, over line ends too', async () => {
  for (const columns of [79, 20, 12, 9, 5]) {
    const live = await play({ isTTY: true, columns });
    // Colour on a pipe: the same layout, without the second look at the drafts.
    const final = await play({ env: { FORCE_COLOR: '1' }, columns });
    assert.equal(live.split('\u001b[J').length - 1, 2, 'two rounds have drafts');
    assert.equal(screenOf(live), screenOf(final));
    assert.ok(live.length > final.length);
    for (const line of screenOf(live).split('\n')) assert.ok(line.length <= columns, line);
  }
});
