// What strikes did to answers, as tables.

import type { Estimate } from '../../src/math/estimate.js';
import { exact } from '../../src/math/estimate.js';
import { median } from '../../src/math/statistics.js';
import { figure } from '../report/figures.js';
import { type Findings, measuredColumn, type Table } from '../report/result.js';
import { type Chaos, recoveryMsMax, type Struck, strikes } from './strike.js';

/** Median and worst; null where nobody had to recover. */
function recoveries(struck: readonly Struck[]): [Estimate | null, Estimate | null] {
  const all = struck.flatMap(({ recoveryMs }) => recoveryMs);
  return all.length === 0 ? [null, null] : [exact(median(all)), exact(Math.max(...all))];
}

const countsOf = (struck: readonly Struck[]): (Estimate | null)[] => [
  exact(struck.length),
  exact(struck.reduce((sum, { openCount }) => sum + openCount, 0)),
  ...recoveries(struck),
];

const values = [
  measuredColumn('strikes', 'strikes'),
  measuredColumn('open', 'answers that were being written'),
  measuredColumn('median', 'until one goes on, median', 'ms'),
  measuredColumn('worst', 'worst', 'ms'),
];

function victimTable(struck: readonly Struck[]): Table {
  return {
    id: 'chaos',
    title: 'Strikes, and how long answers took to go on',
    keys: [
      { name: 'victim', title: 'victim', unit: '' },
      { name: 'way', title: 'by', unit: '' },
    ],
    values,
    rows: strikes.map((strike) => ({
      keys: [strike.victim, strike.way],
      values: countsOf(struck.filter((one) => one.strike === strike)),
    })),
    isShown: true,
  };
}

function wayTable(struck: readonly Struck[]): Table {
  const names = [...new Set(struck.map(({ scheme, mode }) => `${scheme}, ${mode}`))].sort();
  return {
    id: 'ways',
    title: 'The same by scheme and mode of the device',
    keys: [{ name: 'asked', title: 'asked', unit: '' }],
    values,
    rows: names.map((name) => ({
      keys: [name],
      values: countsOf(struck.filter(({ scheme, mode }) => `${scheme}, ${mode}` === name)),
    })),
    isShown: true,
  };
}

/** Claims, set-up and tables of a run; owned by the caller. */
export function chaosFindings({ struck, tokenCount, left }: Chaos): Findings {
  const open = struck.reduce((sum, { openCount }) => sum + openCount, 0);
  const [, worst] = recoveries(struck);
  const names = Object.entries(left).map(([name, count]) => `${name} ${count ?? 'not told'}`);
  return {
    claims: [
      {
        id: 'same-text',
        text:
          `${struck.length} strikes on server, device, gateway and connections met ${open} answers that were being written; ` +
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
    tables: [victimTable(struck), wayTable(struck)],
    plots: [],
    papers: [],
    notes: [
      'Time runs from when the victim is back: listening again, started again, continued, or cut off. For a device or a gateway that was ended it holds its start and the loading of its model; a server that is told to end lets answers finish first, so that hardly one has to go on.',
      'Greedy, agreement, split and full were asked at temperature 0, where their text has no chance in it; coupled was sampled.',
      `A run ends with an error where a text differs, an answer does not go on within ${recoveryMsMax / 1000} s, a process does not end within 20 s of SIGTERM, or anything is left: ${names.join(', ')}.`,
    ],
  };
}
