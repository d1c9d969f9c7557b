// Draws plots of a result as SVG, by Vega-Lite. The only door to it: a tool of development, so it
// is loaded when something is to be drawn, and its absence is told in words.

import { PilotfishError } from '../../src/base/error.js';
import { type Plot, type Result, recordsOf, tableOf } from './result.js';
import { readIn } from './text.js';

/**
 * Colours that most people tell apart (Okabe and Ito 2008). Labels have no limit: their widths are
 * guessed, and too long. Symbols of legends are opaque: bands would make their names pale.
 */
const config = JSON.parse(readIn('vega.json')) as object;

/** One SVG. @throws PilotfishError `usage` where vega and vega-lite are not installed. */
export async function draw(result: Pick<Result, 'tables'>, plot: Plot): Promise<string> {
  const { vega, vegaLite } = await loaded();
  const values = recordsOf(tableOf(result, plot.table));
  const ordered = inOrder(plot.spec, values);
  const spec = { ...ordered, data: { values }, config, padding: 8 } as Parameters<
    typeof vegaLite.compile
  >[0];
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return `${svg}\n`;
}

type Fields = Readonly<Record<string, unknown>>;

/** Facets that are not sorted stand as in the table; Vega-Lite would sort them by letters. */
function inOrder(spec: Fields, values: readonly Fields[]): Fields {
  const ordered = (facet: unknown): unknown => {
    const { field, sort, ...rest } = facet as Fields;
    if (typeof field !== 'string' || sort !== null) return facet;
    return { ...rest, field, sort: [...new Set(values.map((one) => one[field]))] };
  };
  const facet = spec['facet'] as Fields | undefined;
  if (facet === undefined) return spec;
  if ('field' in facet) return { ...spec, facet: ordered(facet) };
  const sides = Object.entries(facet).map(([side, one]) => [side, ordered(one)] as const);
  return { ...spec, facet: Object.fromEntries(sides) };
}

async function loaded() {
  try {
    const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')]);
    return { vega, vegaLite };
  } catch (reason) {
    throw new PilotfishError(
      'usage',
      'plots are drawn by vega and vega-lite, which this installation leaves out: work in a clone after `npm ci`, or ' +
        'run `npm install vega@6 vega-lite@6` beside pilotfish, or leave them out with --no-plots',
      { cause: reason },
    );
  }
}
