// Tests that randomly damaged pictures are read or refused with a typed error. What is read must be
// decoded or refused: no crash, no unbounded wait, no more pixels than the header says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PilotfishError } from '../base/error.js';
import { fuzzing } from '../base/fuzz.suite.js';
import { decodePicture } from './decode-picture.js';
import { drawn } from './drawn.suite.js';
import { readPictureHeader } from './picture-header.js';

/** Edits of an intact file, as data, so that a failure can print them. */
interface Edit {
  readonly kind: 'flip' | 'number' | 'cut' | 'remove' | 'repeat';
  /** Place in 1/65536 of the file. */
  readonly at: number;
  readonly value: number;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom('flip', 'flip', 'flip', 'number', 'cut', 'remove', 'repeat'),
  at: fc.nat(65_535),
  value: fc.nat(255),
});
const edits = fc.array(edit, { minLength: 1, maxLength: 4 });

function apply(bytes: Buffer, { kind, at, value }: Edit): Buffer {
  const place = Math.floor((at * bytes.length) / 65_536);
  if (bytes.length < 8) return bytes;
  switch (kind) {
    case 'flip':
      bytes[place] = value;
      return bytes;
    case 'number':
      bytes.fill(value < 128 ? 0xff : 0, place, Math.min(place + 4, bytes.length));
      return bytes;
    case 'cut':
      return bytes.subarray(0, place);
    case 'remove':
      return Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + value)]);
    case 'repeat':
      return Buffer.concat([bytes.subarray(0, place + value), bytes.subarray(place)]);
  }
}

const isOurs = (reason: unknown): reason is PilotfishError =>
  reason instanceof PilotfishError && reason.code.startsWith('picture-');

const sources = [
  drawn(24, 18).png({ palette: true }),
  drawn(24, 18).jpeg(),
  drawn(24, 18).jpeg({ progressive: true }),
  drawn(24, 18).webp(),
  drawn(24, 18).webp({ lossless: true }),
];
const parameters = fuzzing<[number, Edit[]]>(1500);
const timeout = 10_000 + 40 * parameters.numRuns;

test('spoiled pictures are decoded or refused, never worse', { timeout }, async () => {
  const files = await Promise.all(sources.map((source) => source.toBuffer()));
  let [refused, undecodable, decoded] = [0, 0, 0];
  const check = async (which: number, list: Edit[]): Promise<void> => {
    const bytes = list.reduce(apply, Buffer.from(files[which]!));
    try {
      readPictureHeader(bytes);
    } catch (reason) {
      assert.ok(isOurs(reason), String((reason as Error).stack));
      refused++;
      return;
    }
    try {
      const { width, height, rgb } = await decodePicture(bytes, 32);
      assert.ok(width <= 32 && height <= 32 && rgb.length === width * height * 3);
      decoded++;
    } catch (reason) {
      assert.ok(isOurs(reason), String((reason as Error).stack));
      undecodable++;
    }
  };
  const which = fc.nat(sources.length - 1);
  await fc.assert(fc.asyncProperty(which, edits, check), parameters);
  const said = `${refused} refused, ${undecodable} undecodable, ${decoded} decoded`;
  // Each must occur, or the edits are too mild or too wild.
  assert.ok(refused > 200 && decoded > 50, said);
});

test('random bytes behind a sound beginning are refused or bounded', async () => {
  const files = await Promise.all(sources.map((source) => source.toBuffer()));
  await fc.assert(
    fc.property(
      fc.nat(sources.length - 1),
      fc.nat(64),
      fc.uint8Array({ maxLength: 300 }),
      (which, kept, noise) => {
        const bytes = Buffer.concat([files[which]!.subarray(0, kept), noise]);
        try {
          readPictureHeader(bytes);
        } catch (reason) {
          assert.ok(isOurs(reason), String((reason as Error).stack));
        }
      },
    ),
    fuzzing<[number, number, Uint8Array]>(500),
  );
});
