// Tests that the words of a log are its tokens without images, whatever part is asked for.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { firstImageToken, isImageToken } from '../../../base/image-token.js';
import { TokenLog } from '../../../protocol/token-log.js';
import { WordLog } from './word-log.js';

it('the words of a log are its tokens without images', () => {
  const token = fc.oneof(
    fc.nat(9),
    fc.nat(9).map((at) => firstImageToken + at),
  );
  const prompts = fc.array(token, { maxLength: 12 });
  const run = (prompt: number[], answer: number[], ends: readonly [number, number]): void => {
    const log = new TokenLog(prompt);
    const words = new WordLog(log, prompt.length);
    const expected = prompt.filter((one) => !isImageToken(one));
    assert.deepEqual([...words.slice(0)], expected);
    log.append(answer);
    expected.push(...answer);
    assert.equal(words.length, expected.length);
    assert.equal(words.absentCount, log.length - expected.length);
    const [from, to] = ends.map((end) => end % (expected.length + 1)).sort((a, b) => a - b);
    assert.deepEqual([...words.slice(from!, to)], expected.slice(from, to));
    assert.deepEqual([...words.slice(from!)], expected.slice(from));
    for (const [at, word] of expected.entries()) assert.equal(words.at(at), word);
  };
  const answers = fc.array(fc.nat(9), { maxLength: 5 });
  fc.assert(fc.property(prompts, answers, fc.tuple(fc.nat(), fc.nat()), run));
});
