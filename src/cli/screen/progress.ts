// Shows the progress of one long task: a bar that redraws itself on a terminal, plain lines
// elsewhere. Takes its clock as an argument and limits how often it writes.

import { formatBytes, formatDuration, formatShare } from './numbers.js';
import { displayWidth } from './table.js';
import { colourWanted, type Environment, type OutputStream, painter } from './terminal.js';

export interface ProgressOptions {
  readonly label: string;
  /** Bytes of the whole task, > 0. */
  readonly totalBytes: number;
  /** Bytes from before this run. They count as done but not towards the rate. */
  readonly startBytes: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly env: Environment;
}

export interface Progress {
  /** @param doneBytes bytes done so far, in [0, totalBytes]; may fall when a task starts over. */
  update(doneBytes: number): void;
  /** Prints a line between redraws, such as a retry. */
  note(text: string): void;
  /** Leaves the last state on the screen. Later calls do nothing. */
  finish(): void;
}

/** Redrawing faster only costs processor time. */
const redrawMs = 100;
/** A log gets a line for each tenth of the task, but not more often than this. */
const lineMs = 2000;
const barColumns = 24;
/** Carriage return and erase-to-end work on every terminal. */
const clearLine = '\r\u001b[K';

/** `label  12.3 MB of 17.9 MB  68.7 %  4.1 MB/s  1.37 s left`, without the bar. */
function progressWords(options: ProgressOptions, doneBytes: number, elapsedMs: number): string[] {
  const words = [
    `${formatBytes(doneBytes)} of ${formatBytes(options.totalBytes)}`,
    formatShare(doneBytes / options.totalBytes),
  ];
  const fresh = doneBytes - options.startBytes;
  // In the first second the rate mostly measures the start of the connection.
  if (fresh > 0 && elapsedMs >= 1000) {
    const bytesPerMs = fresh / elapsedMs;
    words.push(`${formatBytes(bytesPerMs * 1000)}/s`);
    if (doneBytes < options.totalBytes) {
      words.push(`${formatDuration((options.totalBytes - doneBytes) / bytesPerMs)} left`);
    }
  }
  return words;
}

/** `####----` of `columns` characters. */
export function progressBar(share: number, columns: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * columns);
  return '█'.repeat(filled) + '░'.repeat(columns - filled);
}

export function createProgress(stream: OutputStream, options: ProgressOptions): Progress {
  const { label, totalBytes, startBytes, now, env } = options;
  const isBar = stream.isTTY === true;
  const paint = painter(colourWanted(stream, env));
  const started = now();
  const tenthOf = (bytes: number): number => Math.floor((bytes / totalBytes) * 10);
  let shownAt = isBar ? Number.NEGATIVE_INFINITY : started;
  let shownTenth = tenthOf(startBytes);
  let done = startBytes;
  let isFinished = false;

  const isDue = (): boolean =>
    isBar ? now() - shownAt >= redrawMs : tenthOf(done) !== shownTenth && now() - shownAt >= lineMs;

  function show(): void {
    shownAt = now();
    shownTenth = tenthOf(done);
    const parts = progressWords(options, done, shownAt - started);
    if (!isBar) {
      stream.write(`${label}: ${parts.join(', ')}\n`);
      return;
    }
    const words = parts.join('  ');
    const bar = paint('cyan', progressBar(done / totalBytes, barColumns));
    const fits = displayWidth(label) + words.length + barColumns + 4 < (stream.columns ?? 80);
    stream.write(`${clearLine}${fits ? `${label}  ${bar}  ${words}` : words}`);
  }

  return {
    update(doneBytes) {
      done = doneBytes;
      if (!isFinished && isDue()) show();
    },
    note(text) {
      stream.write(`${isBar ? clearLine : ''}${text}\n`);
      if (isBar && !isFinished) show();
    },
    finish() {
      if (isFinished) return;
      isFinished = true;
      show();
      if (isBar) stream.write('\n');
    },
  };
}
