// The page of metrics, line by line, and that it takes no number for another.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics } from './metrics.js';

const pageOf = (fill: (metrics: Metrics) => void): string[] => {
  const metrics = new Metrics();
  fill(metrics);
  return metrics.page().split('\n');
};

test('counts start at 0 without labels, and with the first count of each combination', () => {
  const page = pageOf((metrics) => {
    metrics.counter('tokens_total', 'Tokens.');
    const requests = metrics.counter('requests_total', 'Requests.', ['route', 'status']);
    requests.add(1, { route: '/a', status: '200' });
    requests.add(2, { route: '/b', status: '404' });
    requests.add(1, { route: '/a', status: '200' });
  });
  assert.deepEqual(page, [
    '# HELP pilotfish_tokens_total Tokens.',
    '# TYPE pilotfish_tokens_total counter',
    'pilotfish_tokens_total 0',
    '',
    '# HELP pilotfish_requests_total Requests.',
    '# TYPE pilotfish_requests_total counter',
    'pilotfish_requests_total{route="/a",status="200"} 2',
    'pilotfish_requests_total{route="/b",status="404"} 2',
    '',
  ]);
});

test('a value on a bound is in the bucket below it, one above all bounds in the last', () => {
  const page = pageOf((metrics) => {
    const seconds = metrics.histogram('seconds', 'Times.', [0.5, 1]);
    for (const value of [0.25, 0.5, 1, 7]) seconds.observe(value);
  });
  assert.deepEqual(page, [
    '# HELP pilotfish_seconds Times.',
    '# TYPE pilotfish_seconds histogram',
    'pilotfish_seconds_bucket{le="0.5"} 2',
    'pilotfish_seconds_bucket{le="1"} 3',
    'pilotfish_seconds_bucket{le="+Inf"} 4',
    'pilotfish_seconds_sum 8.75',
    'pilotfish_seconds_count 4',
    '',
  ]);
});

test('unmeasured and infinite numbers, quotes, backslashes and line breaks are written out', () => {
  const gauge = (name: string, read: () => number | []) =>
    ({ kind: 'gauge', name, help: 'C:\\x', read }) as const;
  const page = pageOf((metrics) => {
    metrics.add([
      gauge('none', () => []),
      gauge('most', () => Number.POSITIVE_INFINITY),
      gauge('least', () => Number.NEGATIVE_INFINITY),
      {
        ...{ kind: 'gauge', name: 'odd', help: 'Odd.', labels: ['mode'] },
        read: () => [{ labels: { mode: 'a"\\\n' }, value: 1 }],
      },
      { kind: 'gauge', name: 'empty', help: 'Empty.', labels: ['mode'], read: () => [] },
    ]);
  });
  assert.equal(page[0], '# HELP pilotfish_none C:\\\\x');
  assert.deepEqual(
    page.filter((line) => line !== '' && !line.startsWith('#')),
    [
      'pilotfish_none NaN',
      'pilotfish_most +Inf',
      'pilotfish_least -Inf',
      'pilotfish_odd{mode="a\\"\\\\\\n"} 1',
    ],
  );
});
