// Defines what an experiment leaves behind, as plain data that JSON can hold: a question, tables of
// values with their intervals, and how to draw them.

import type { Estimate } from '../../src/math/estimate.js';

/**
 * Where a column of values comes from. measured: shipped code on real models and sockets. emulated:
 * measured, with a link, a device or a pass that is only imitated. simulated: shipped cores in
 * virtual time. calculated: arithmetic on the others. cited: somebody else's figure.
 */
export const origins = ['measured', 'emulated', 'simulated', 'calculated', 'cited'] as const;
export type ValueOrigin = (typeof origins)[number];

/** A column that names the row: a scheme, a bandwidth. */
export interface KeyColumn {
  /** One word, unique in the table: how plots ask for it. */
  readonly name: string;
  readonly title: string;
  /** Empty for words and plain counts. */
  readonly unit: string;
}

/** A column of values. */
export interface ValueColumn extends KeyColumn {
  readonly origin: ValueOrigin;
}

export interface Row {
  /** [key columns] */
  readonly keys: readonly (string | number)[];
  /** [value columns]; null: does not apply. */
  readonly values: readonly (Estimate | null)[];
}

export interface Table {
  /** Unique in the result. */
  readonly id: string;
  readonly title: string;
  readonly keys: readonly KeyColumn[];
  readonly values: readonly ValueColumn[];
  readonly rows: readonly Row[];
  /** Whether people are shown it; else it is only drawn, and lies in the file. */
  readonly isShown: boolean;
}

export interface Plot {
  /** Unique in the result; part of a file name. */
  readonly id: string;
  readonly title: string;
  /** Id of the table it draws. */
  readonly table: string;
  /** Vega-Lite without `data`: fields are columns, and `<name>Low`, `<name>High` intervals. */
  readonly spec: Readonly<Record<string, unknown>>;
}

/** One part of the set-up. */
export interface SetUp {
  readonly part: string;
  readonly what: string;
  /** Imitated, where the thing itself was not at hand. */
  readonly isEmulated: boolean;
}

/** What a paper says about the same question. */
export interface PaperFigure {
  readonly paper: string;
  readonly theirs: string;
  readonly ours: string;
  /** Why the two can or cannot be compared. */
  readonly caveat: string;
}

/** One sentence that the numbers bear, to which other pages may point. */
export interface Claim {
  /** Anchor of the report: unique in the result, letters and dashes. */
  readonly id: string;
  readonly text: string;
}

/** What an experiment finds out. */
export interface Findings {
  readonly claims: readonly Claim[];
  readonly setUp: readonly SetUp[];
  readonly tables: readonly Table[];
  readonly plots: readonly Plot[];
  readonly papers: readonly PaperFigure[];
  readonly notes: readonly string[];
}

/** When, where and of what it was run; given from outside. */
interface Provenance {
  readonly seed: number;
  /** Of the source; ends with `+` where files had changed since. */
  readonly commit: string;
  readonly machine: string;
  /** ISO 8601, day only. */
  readonly date: string;
  /** What prints it again. */
  readonly command: string;
  /** Fewer turns than the report takes. */
  readonly isQuick: boolean;
}

export interface Result extends Findings {
  readonly id: string;
  readonly title: string;
  readonly question: string;
  readonly provenance: Provenance;
}

/** The table of this id. @throws where there is none: a plot of our own names it. */
export function tableOf(result: Pick<Result, 'tables'>, id: string): Table {
  const table = result.tables.find((one) => one.id === id);
  if (table === undefined) throw new RangeError(`no table ${id}`);
  return table;
}

/** Rows as flat objects, the form that Vega-Lite reads. */
export function recordsOf(table: Table): Record<string, string | number>[] {
  return table.rows.map((row) => {
    const record: Record<string, string | number> = {};
    table.keys.forEach(({ name }, index) => {
      record[name] = row.keys[index]!;
    });
    table.values.forEach(({ name }, index) => {
      const estimate = row.values[index] ?? null;
      if (estimate === null) return;
      record[name] = estimate.value;
      record[`${name}Low`] = estimate.low;
      record[`${name}High`] = estimate.high;
    });
    return record;
  });
}
