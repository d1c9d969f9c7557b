// `npm run robot`: drives a robot in drawn rooms by what a vision-language model says, live.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type DriveReport, type DriveState, driveErrand } from './drive.js';
import { type Eyes, expertEyes } from './eyes/eyes.js';
import { httpEyes } from './eyes/http-eyes.js';
import { ownEyes, robotModels } from './eyes/own-eyes.js';
import { runSvg } from './picture/svg.js';
import { terminalView } from './picture/terminal-view.js';
import { drawErrand } from './room/draw-errand.js';
import { errandLine, summaryLines } from './summary.js';

const help = `npm run robot -- [options]

Drives a robot in drawn rooms by what a vision-language model says. Without --url it starts a server
with models/robot, and a device with a draft model beside it.

  --rooms <n>     errands, each in another room (default: 1)
  --seed <n>      of the first room (default: 1)
  --at-once <n>   robots that drive at the same time (default: 1)
  --url <url>     OpenAI-compatible API to ask instead; its key is in ROBOT_API_KEY
  --expert        let the scripted rules drive, without a model
  --quiet         no live view
  --svg <file>    draw the last errand from above
`;

const options = {
  rooms: { type: 'string', default: '1' },
  seed: { type: 'string', default: '1' },
  'at-once': { type: 'string', default: '1' },
  url: { type: 'string' },
  expert: { type: 'boolean', default: false },
  quiet: { type: 'boolean', default: false },
  svg: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/** Between two pictures of the live view. */
const frameMs = 100;

async function main(): Promise<number> {
  const { values } = parseArgs({ options });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const [rooms, seed, atOnce] = [values.rooms, values.seed, values['at-once']].map(whole);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const eyes = await eyesOf(values, atOnce!);
  const isLive = !values.quiet && process.stdout.isTTY === true && atOnce === 1;
  try {
    process.stderr.write(`eyes: ${eyes.name}\n`);
    const reports = await driveAll(
      eyes,
      { rooms: rooms!, seed: seed!, atOnce: atOnce! },
      isLive,
      stop.signal,
    );
    const last = reports.at(-1);
    if (last === undefined) return 130;
    process.stdout.write(`${summaryLines(reports).join('\n')}\n`);
    if (values.svg !== undefined) writeFileSync(values.svg, runSvg(last));
    return reports.every(({ isDone }) => isDone) ? 0 : 1;
  } finally {
    await eyes.close();
  }
}

function whole(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new Error(`'${text}' is not a whole number from 1`);
  return Number(text);
}

interface EyesChoice {
  readonly url?: string | undefined;
  readonly expert: boolean;
}

async function eyesOf({ url, expert }: EyesChoice, atOnce: number): Promise<Eyes> {
  if (expert) return expertEyes();
  if (url !== undefined) return httpEyes(url, process.env['ROBOT_API_KEY'] ?? null);
  return ownEyes(robotModels(), atOnce);
}

interface Rooms {
  readonly rooms: number;
  readonly seed: number;
  readonly atOnce: number;
}

async function driveAll(
  eyes: Eyes,
  { rooms, seed, atOnce }: Rooms,
  isLive: boolean,
  signal: AbortSignal,
): Promise<DriveReport[]> {
  const reports: DriveReport[] = [];
  let next = seed;
  const driver = async (): Promise<void> => {
    while (next < seed + rooms && !signal.aborted) {
      const errand = drawErrand(next++);
      const report = await driveErrand(errand, eyes, signal, isLive ? liveView() : undefined);
      if (signal.aborted) return;
      reports.push(report);
      process.stderr.write(`${errandLine(report)}\n`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, rooms) }, driver));
  return reports;
}

/** Draws over itself. */
function liveView(): (state: DriveState) => void {
  let drawnAtMs = -Infinity;
  process.stdout.write('\x1b[2J');
  return (state) => {
    const nowMs = performance.now();
    if (nowMs - drawnAtMs < frameMs) return;
    drawnAtMs = nowMs;
    process.stdout.write(`\x1b[H${terminalView(state).join('\n')}\x1b[J\n`);
  };
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (reason) => {
    process.stderr.write(`robot: ${reason instanceof Error ? reason.message : reason}\n`);
    process.exitCode = 1;
  },
);
