// Tests that randomly damaged pictures are read or refused with a typed error. What is read must be
// decoded or refused: no crash, no unbounded wait, no more pixels than the header says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PilotfishError } from '../base/error.js';
import { fuzzing } from '../base/fuzz.suite.js';
import { decodePicture } from './decode-picture.js';
import { readPictureHeader } from './picture-header.js';
import { type PictureEdit, pictureEdits, pictureSources, spoiled } from './spoiled.suite.js';

const isOurs = (reason: unknown): reason is PilotfishError =>
  reason instanceof PilotfishError && reason.code.startsWith('picture-');

const parameters = fuzzing<[number, PictureEdit[]]>(1500);
const timeout = 10_000 + 40 * parameters.numRuns;

test('spoiled pictures are decoded or refused, never worse', { timeout }, async () => {
  const files = await Promise.all(pictureSources.map((source) => source.toBuffer()));
  let [refused, undecodable, decoded] = [0, 0, 0];
  const check = async (which: number, list: PictureEdit[]): Promise<void> => {
    const bytes = spoiled(files[which]!, list);
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
  const which = fc.nat(pictureSources.length - 1);
  await fc.assert(fc.asyncProperty(which, pictureEdits, check), parameters);
  const said = `${refused} refused, ${undecodable} undecodable, ${decoded} decoded`;
  // Each must occur, or the edits are too mild or too wild.
  assert.ok(refused > 200 && decoded > 50, said);
});

test('random bytes behind a sound beginning are refused or bounded', async () => {
  const files = await Promise.all(pictureSources.map((source) => source.toBuffer()));
  await fc.assert(
    fc.property(
      fc.nat(pictureSources.length - 1),
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
