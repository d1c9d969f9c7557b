// Defines what an experiment leaves behind, as plain data that JSON can hold: a question, tables of
// values with their intervals, and how to draw them.

import { z } from 'zod';
import type { Estimate } from '../../src/math/estimate.js';

const text = z.string();
const id = text.regex(/^[a-z0-9-]+$/);

/**
 * Where a column of values comes from. measured: shipped code on real models and sockets. emulated:
 * measured, with a link, a device or a pass that is only imitated. simulated: shipped cores in
 * virtual time. calculated: arithmetic on the others. cited: somebody else's figure.
 */
const origins = ['measured', 'emulated', 'simulated', 'calculated', 'cited'] as const;
export type ValueOrigin = (typeof origins)[number];

/** Names the row: a scheme, a bandwidth. */
const keyColumn = z.object({
  /** One word, unique in the table: how plots ask for it. */
  name: text.regex(/^[a-z]\w*$/i),
  title: text,
  /** Empty for words and plain counts. */
  unit: text,
});
export type KeyColumn = z.infer<typeof keyColumn>;
const valueColumn = keyColumn.extend({ origin: z.enum(origins) });
export type ValueColumn = z.infer<typeof valueColumn>;

export interface Row {
  /** [key columns] */
  readonly keys: readonly (string | number)[];
  /** [value columns]; null: does not apply. */
  readonly values: readonly (Estimate | null)[];
}

/** A table without its rows. */
export const tableHead = z.object({
  /** Unique in the result. */
  id,
  title: text,
  keys: z.array(keyColumn),
  values: z.array(valueColumn),
  /** Whether people are shown it; else it is only drawn, and lies in the file. */
  isShown: z.boolean(),
});
export type Table = z.infer<typeof tableHead> & { readonly rows: readonly Row[] };

const plot = z.object({
  /** Unique in the result; part of a file name. */
  id,
  title: text,
  /** Id of the table it draws. */
  table: id,
  /** Vega-Lite without `data`: fields are columns, and `<name>Low`, `<name>High` intervals. */
  spec: z.record(text, z.unknown()),
});
export type Plot = z.infer<typeof plot>;

/** One part of the set-up; emulated: imitated, where the thing itself was not at hand. */
const setUp = z.object({ part: text, what: text, isEmulated: z.boolean() });
export type SetUp = z.infer<typeof setUp>;

/** What a paper says about the same question, and why the two can or cannot be compared. */
const paperFigure = z.object({ paper: text, theirs: text, ours: text, caveat: text });
export type PaperFigure = z.infer<typeof paperFigure>;

/** One sentence that the numbers bear; other pages point to its id. */
const claim = z.object({ id, text });
export type Claim = z.infer<typeof claim>;

/** What an experiment finds out, without tables; and when, where and of what it was run. */
export const resultHead = z.object({
  id,
  title: text,
  question: text,
  provenance: z.object({
    seed: z.number(),
    /** Of the source; ends with `+` where files had changed since. */
    commit: text,
    machine: text,
    /** ISO 8601, day only. */
    date: text,
    /** What prints it again. */
    command: text,
    /** Fewer turns than the report takes. */
    isQuick: z.boolean(),
  }),
  claims: z.array(claim),
  setUp: z.array(setUp),
  plots: z.array(plot),
  papers: z.array(paperFigure),
  notes: z.array(text),
});
export type Result = z.infer<typeof resultHead> & { readonly tables: readonly Table[] };
/** What a run adds. */
export type Findings = Omit<Result, 'id' | 'title' | 'question' | 'provenance'>;

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
