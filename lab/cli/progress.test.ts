// What a person who waits is told: minutes behind, and minutes in all by the pace so far.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { benchProgress } from './progress.js';

it('tells the minutes of a plan, and of the plan at the pace that it turns out to have', () => {
  let minutes = 0;
  const progress = benchProgress([2, 4, 6], () => minutes * 60_000);
  const at = (time: number): string => {
    minutes = time;
    return progress.text();
  };
  progress.begin();
  assert.equal(at(0), '0 of about 12 min');
  assert.equal(at(1.5), '1 of about 12 min');
  assert.equal(at(3), '3 of about 13 min', 'longer than planned: nobody knows how much');
  minutes = 3;
  progress.begin();
  assert.equal(at(3), '3 of about 18 min', 'half as fast as planned so far');
  assert.equal(at(6), '6 of about 18 min');
  minutes = 6;
  progress.begin();
  assert.equal(at(6), '6 of about 12 min', 'as planned over both');
  assert.equal(at(12), '12 of about 12 min');
});
