// Checks that a device's HTTP API sends verified text only, whenever the server goes or returns.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Piece } from '../../device/index.js';
import type { Delta } from '../generator.js';
import { HeldTokens } from './device-generator.js';

const token = (
  position: number,
  text: string,
  origin: 'target' | 'provisional' = 'target',
): Piece => ({ kind: 'token', position, token: 1, text, origin });

function shown(pieces: readonly Piece[]): string {
  const deltas: Delta[] = [];
  const held = new HeldTokens((delta) => deltas.push(delta));
  for (const piece of pieces) held.take(piece);
  return deltas.map(({ text }) => text).join('|');
}

describe('provisional tokens', () => {
  it('are not shown before they are confirmed', () => {
    const start = [token(5, 'a'), token(6, 'b', 'provisional'), token(7, 'c', 'provisional')];
    assert.equal(shown(start), 'a');
    assert.equal(shown([...start, { kind: 'confirmed', from: 6, to: 7 }]), 'a|b');
    const both = [...start, { kind: 'confirmed', from: 6, to: 8 } as const, token(8, 'd')];
    assert.equal(shown(both), 'a|b|c|d');
  });

  it('are never shown once they are taken back', () => {
    const taken: Piece[] = [
      token(5, 'a', 'provisional'),
      token(6, 'b', 'provisional'),
      { kind: 'confirmed', from: 5, to: 6 },
      { kind: 'retracted', from: 6, textLength: 1 },
      token(6, 'x'),
      { kind: 'rest', text: 'y' },
    ];
    assert.equal(shown(taken), 'a|x|y');
  });
});
