// Checks that a lost link is reported once, with what happens until it is back, and not where the
// command ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PilotfishError } from '../../base/error.js';
import type { Fallback, LinkNotice } from '../../device/index.js';
import { LinkReport } from './link-report.js';

const down: LinkNotice = { kind: 'down', reason: 'the connection broke' };
const welcomed: LinkNotice = {
  ...{ kind: 'welcomed', contextLength: 512, modelName: 'm', seesPictures: false },
};

function said(
  fallback: Fallback,
  news: readonly LinkNotice[],
  drafts = true,
  awaySeconds = 60,
  asksInMessages = false,
) {
  const lines: string[] = [];
  const { signal } = new AbortController();
  const policy = { fallback, drafts, awaySeconds, asksInMessages };
  const report = new LinkReport(policy, signal, (text) => lines.push(text));
  for (const one of news) report.hear(one);
  return lines;
}

test('a lost link is reported once, and so is its return', () => {
  assert.deepEqual(said('wait', [welcomed, down, down, down, welcomed, down]), [
    'the connection broke; trying again for up to 60 s; Ctrl-C stops',
    'the server is back',
    'the connection broke; trying again for up to 60 s; Ctrl-C stops',
  ]);
  assert.deepEqual(said('provisional', [down, down, welcomed]), [
    'the connection broke; drafting on, trying again for up to 60 s; Ctrl-C stops',
    'the server is available',
  ]);
});

test('after a refusal no further try is announced', () => {
  const error = new PilotfishError('server-refused', 'the key is no longer valid');
  assert.deepEqual(said('wait', [welcomed, { kind: 'gave-up', error }, down]), []);
});

test('each policy says what it does, and nothing where the command ends', () => {
  assert.match(said('draft-only', [down])[0]!, /the draft model writes alone, unverified$/);
  assert.match(said('draft-only', [down], false)[0]!, /trying again/);
  assert.match(said('wait', [welcomed, down], true, 0)[0]!, /trying again until it is available/);
  assert.deepEqual(said('wait', [down]), []);
  assert.deepEqual(said('fail', [welcomed, down]), []);
  assert.deepEqual(said('wait', [welcomed]), []);
});

test('no drafts are announced for messages before the first server', () => {
  const inChat = (news: readonly LinkNotice[]) => said('draft-only', news, true, 60, true);
  assert.match(inChat([down])[0]!, /broke; trying again for up to 60 s; Ctrl-C stops$/);
  assert.match(inChat([welcomed, down])[0]!, /the draft model writes alone, unverified$/);
});
