// `npm run lab -- api`: what the HTTP door costs, as ratios inside one run. Prints tables; the work is lab/api.

import { formatTable } from '../../src/cli/screen/table.js';
import {
  type ApiRow,
  apiAtLeast,
  benchApi,
  benchFirstToken,
  firstTokenMsAtMost,
} from '../api/api-bench.js';

/** What every part is given. */
export interface ApiContext {
  readonly quick: boolean;
  readonly say: (text: string) => void;
  readonly note: (text: string) => void;
}

export const apiPartNames = ['throughput', 'first-token'] as const;
export type ApiPartName = (typeof apiPartNames)[number];

/** Each measures one thing, prints it, and returns what --json shows of it. */
export const apiParts: Record<ApiPartName, (context: ApiContext) => Promise<unknown>> = {
  async throughput({ quick, say, note }) {
    const rows = await benchApi(quick ? 5 : 15, ({ name, ratio }) =>
      note(`${name}: ${ratio.toFixed(3)}`),
    );
    say(
      '\nThroughput of /v1/completions in units of a bare node server that sends the same bytes in as many writes ' +
        `(scripted engine at temperature 0, aim ${apiAtLeast})`,
    );
    say(throughputTable(rows));
    const bound = boundOf(rows);
    say(
      `Were the door as cheap as the bare server, engine and server core would leave ${bound.toFixed(3)} of its ` +
        'processor time for the stream.',
    );
    return { rows, bound };
  },
  async 'first-token'({ quick, say }) {
    const row = await benchFirstToken(quick ? 300 : 2000);
    const [p50, p99, bare] = [row.p50Ms, row.p99Ms, row.bareP50Ms].map((ms) => ms.toFixed(2));
    say(
      `\nFirst token over loopback, one client: p50 ${p50} ms (aim ${firstTokenMsAtMost}), p99 ${p99} ms; bare p50 ${bare} ms`,
    );
    return row;
  },
};

/** Share of the stream's processor time that a bare server would have beside the same engine and core. */
function boundOf([stream, whole]: readonly ApiRow[]): number {
  const core = whole!.stackMicrosPerToken - whole!.bareMicrosPerToken;
  return stream!.bareMicrosPerToken / (stream!.bareMicrosPerToken + core);
}

function throughputTable(rows: readonly ApiRow[]): string {
  const three = (value: number): string => value.toFixed(3);
  const body = rows.map((row) => [
    row.name,
    `${three(row.ratio)} [${three(row.low)}, ${three(row.high)}]`,
    three(row.cpuRatio),
    row.requestsPerSecond.toFixed(0),
    row.tokensPerSecond.toFixed(0),
    row.stackMicrosPerToken.toFixed(1),
    row.bareMicrosPerToken.toFixed(1),
  ]);
  const head = [
    '16 connections',
    'of the bare server [95 %]',
    'by processor time',
    'requests/s',
    'tokens/s',
    'us a token',
    'bare us',
  ];
  return formatTable([head, ...body], {
    align: ['left', ...head.slice(1).map(() => 'right' as const)],
  });
}
