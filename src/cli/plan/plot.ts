// The loads of a plan as a plot: what the slowest users get over how many write at once, a line for each mode.

import { draw } from '../../bench/report/draw.js';
import { exact } from '../../bench/report/estimate.js';
import type { Result } from '../../bench/report/result.js';
import type { ModePlan, Plan } from './answer.js';
import type { Question } from './question.js';

/** Numbers of users that a plot shows, up to the most. */
export const plotUsers = (usersMax: number): number[] =>
  Array.from({ length: Math.floor(Math.log2(usersMax)) + 1 }, (_, power) => 2 ** power);

/**
 * @returns an SVG.
 * @throws PilotfishError `usage` where vega and vega-lite are not installed.
 */
export function plotOf(question: Question, { modes }: Plan): Promise<string> {
  const table: Result['tables'][number] = {
    id: 'loads',
    title: 'Speed over load',
    keys: [
      { name: 'mode', title: 'mode', unit: '' },
      { name: 'users', title: 'users writing at once', unit: '' },
    ],
    values: [
      { name: 'speed', title: 'tokens/s', unit: 'tokens/s', origin: 'simulated' },
      { name: 'wanted', title: 'wanted', unit: 'tokens/s', origin: 'calculated' },
    ],
    rows: modes.flatMap((plan) => rowsOf(plan, question)),
    isShown: false,
  };
  return draw({ tables: [table] }, { id: 'plan', title: 'Plan', table: 'loads', spec });
}

const rowsOf = ({ mode, loads }: ModePlan, { tokensPerSecond }: Question) =>
  loads.map(({ users, tokensPerSecondLow }) => ({
    keys: [mode, users],
    values: [exact(tokensPerSecondLow), exact(tokensPerSecond)],
  }));

const spec = {
  title: 'What 95 % of users get at least (simulated)',
  width: 480,
  height: 280,
  layer: [
    {
      mark: { type: 'line', point: true },
      encoding: {
        x: {
          field: 'users',
          type: 'quantitative',
          scale: { type: 'log' },
          title: 'users writing at once',
        },
        y: { field: 'speed', type: 'quantitative', title: 'tokens/s of each' },
        color: { field: 'mode', type: 'nominal', title: 'mode' },
      },
    },
    {
      mark: { type: 'rule', strokeDash: [4, 4] },
      encoding: { y: { field: 'wanted', aggregate: 'max', type: 'quantitative' } },
    },
  ],
};
