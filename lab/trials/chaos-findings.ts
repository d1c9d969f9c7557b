// What strikes did to answers, as tables.

import type { Estimate } from '../../src/math/estimate.js';
import { exact } from '../../src/math/estimate.js';
import { median } from '../../src/math/statistics.js';
import { figure } from '../report/figures.js';
import { type Findings, measuredColumn, type Table } from '../report/result.js';
import { type ChaosResult, chaosFaults, type FaultResult, recoveryMsMax } from './chaos-fault.js';

/** Median and worst; null where nobody had to recover. */
function recoveries(results: readonly FaultResult[]): [Estimate | null, Estimate | null] {
  const all = results.flatMap(({ recoveryMs }) => recoveryMs);
  return all.length === 0 ? [null, null] : [exact(median(all)), exact(Math.max(...all))];
}

const countsOf = (results: readonly FaultResult[]): (Estimate | null)[] => [
  exact(results.length),
  exact(results.reduce((sum, { openCount }) => sum + openCount, 0)),
  ...recoveries(results),
];

const values = [
  measuredColumn('strikes', 'strikes'),
  measuredColumn('open', 'answers that were being written'),
  measuredColumn('median', 'until one goes on, median', 'ms'),
  measuredColumn('worst', 'worst', 'ms'),
];

function processTable(results: readonly FaultResult[]): Table {
  return {
    id: 'chaos',
    title: 'Strikes, and how long answers took to go on',
    keys: [
      { name: 'victim', title: 'victim', unit: '' },
      { name: 'way', title: 'by', unit: '' },
    ],
    values,
    rows: chaosFaults.map((fault) => ({
      keys: [fault.victim, fault.way],
      values: countsOf(results.filter((one) => one.strike === fault)),
    })),
    isShown: true,
  };
}

function variantTable(results: readonly FaultResult[]): Table {
  const names = [...new Set(results.map(({ scheme, mode }) => `${scheme}, ${mode}`))].sort();
  return {
    id: 'ways',
    title: 'The same by scheme and mode of the device',
    keys: [{ name: 'asked', title: 'asked', unit: '' }],
    values,
    rows: names.map((name) => ({
      keys: [name],
      values: countsOf(results.filter(({ scheme, mode }) => `${scheme}, ${mode}` === name)),
    })),
    isShown: true,
  };
}

/** Claims, set-up and tables of a run; owned by the caller. */
export function chaosFindings({ struck: results, tokenCount, left }: ChaosResult): Findings {
  const open = results.reduce((sum, { openCount }) => sum + openCount, 0);
  const [, worst] = recoveries(results);
  const names = Object.entries(left).map(([name, count]) => `${name} ${count ?? 'not told'}`);
  return {
    claims: [
      {
        id: 'same-text',
        text:
          `${results.length} strikes on server, device, gateway and connections met ${open} answers that were being written; ` +
          `all ${figure(tokenCount)} tokens were the target's, the slowest answer went on ${worst === null ? '-' : figure(worst.value / 1000)} s after its victim was back, ` +
          'and no process, connection, session or slot was left.',
      },
    ],
    setUp: [
      {
        part: 'processes',
        what: '`pilotfish serve` with the bundled target, a thread and passes without rounding of others; `pilotfish device` and `pilotfish device --http` with the bundled draft, each with an answer of 48 tokens on the way; sessions outlive their connection for five seconds',
        isEmulated: false,
      },
      {
        part: 'strikes',
        what: 'one a round, each kind in its turn, at a random moment of an answer. SIGSTOP is followed by SIGCONT within 1.5 seconds; whoever has ended is started again, the server within 0.3 seconds, and a device or a gateway is asked again for what it had not finished',
        isEmulated: true,
      },
    ],
    tables: [processTable(results), variantTable(results)],
    plots: [],
    papers: [],
    notes: [
      'Time runs from when the victim is back: listening again, started again, continued, or cut off. For a device or a gateway that was ended it holds its start and the loading of its model; a server that is told to end lets answers finish first, so that hardly one has to go on.',
      'Greedy, agreement, split and full were asked at temperature 0, where their text has no chance in it; coupled was sampled.',
      `A run ends with an error where a text differs, an answer does not go on within ${recoveryMsMax / 1000} s, a process does not end within 20 s of SIGTERM, or anything is left: ${names.join(', ')}.`,
    ],
  };
}
