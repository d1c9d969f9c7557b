// Checks that only actions within bounds are read, and that the expert's own are.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { actionFrom, actionText } from './action.js';

describe('an action', () => {
  it('is written as the models write it, and read again', () => {
    const action = { turn: -20, forward: 400, stop: false };
    assert.equal(actionText(action), '{"turn": -20, "forward": 0.4, "stop": false}');
    assert.deepEqual(actionFrom(actionText(action)), action);
  });

  it('is rounded to what the motors can do', () => {
    assert.deepEqual(actionFrom('{"turn":-17,"forward":0.43,"stop":true}'), {
      ...{ turn: -20, forward: 450, stop: true },
    });
  });

  for (const text of [
    ...['', 'go left', '[]', 'null', '{"turn": 10}', '{"turn": 10, "forward": 0.4}'],
    '{"turn": 90, "forward": 0.4, "stop": false}',
    '{"turn": 10, "forward": -1, "stop": false}',
    '{"turn": "10", "forward": 0.4, "stop": false}',
    '{"turn": 10, "forward": 0.4, "stop": "no"}',
    '{"turn": 10, "forward": 0.4, "st',
  ]) {
    it(`is not ${JSON.stringify(text)}`, () => assert.equal(actionFrom(text), null));
  }
});
