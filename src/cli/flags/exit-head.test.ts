// Checks --exit-head: off by default, a bundled name, a file, or a layer.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { exitChoiceOf, exitHeadFlag, isBundledExit } from './exit-head.js';

it('gives no hints by default, and says why', () => {
  assert.equal(exitChoiceOf(undefined), null);
  assert.equal(exitChoiceOf('OFF'), null);
  assert.match(exitHeadFlag().description, /default: off; only pipeline and stop-and-wait use/);
});

it('takes a bundled head by its name, and a number as an untrained exit', () => {
  const choice = exitChoiceOf('stories-exit-4');
  assert.ok(choice !== null && 'headPath' in choice);
  assert.match(choice.headPath, /stories-exit-4-f16\.gguf$/);
  assert.ok(isBundledExit(choice));
  assert.deepEqual(exitChoiceOf('3'), { layer: 3 });
});
