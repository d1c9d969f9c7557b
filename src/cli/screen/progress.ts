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

export function createProgress(stream: OutputStream, options: ProgressOptions): Progress {
  return stream.isTTY === true ? barProgress(stream, options) : lineProgress(stream, options);
}

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

function barProgress(stream: OutputStream, options: ProgressOptions): Progress {
  const paint = painter(colourWanted(stream, options.env));
  const started = options.now();
  let drawnAt = Number.NEGATIVE_INFINITY;
  let done = options.startBytes;
  let finished = false;

  function draw(): void {
    drawnAt = options.now();
    const words = progressWords(options, done, drawnAt - started).join('  ');
    const bar = progressBar(done / options.totalBytes, barColumns);
    const columns = stream.columns ?? 80;
    const fits = displayWidth(options.label) + words.length + barColumns + 4 < columns;
    const line = fits ? `${options.label}  ${paint('cyan', bar)}  ${words}` : words;
    // Carriage return and erase-to-end work on every terminal.
    stream.write(`\r\u001b[K${line}`);
  }

  return {
    update(doneBytes) {
      done = doneBytes;
      if (!finished && options.now() - drawnAt >= redrawMs) draw();
    },
    note(text) {
      stream.write(`\r\u001b[K${text}\n`);
      if (!finished) draw();
    },
    finish() {
      if (finished) return;
      draw();
      stream.write('\n');
      finished = true;
    },
  };
}

function lineProgress(stream: OutputStream, options: ProgressOptions): Progress {
  const started = options.now();
  let saidAt = started;
  let saidTenth = Math.floor((options.startBytes / options.totalBytes) * 10);
  let done = options.startBytes;
  let finished = false;

  function say(): void {
    saidAt = options.now();
    const words = progressWords(options, done, saidAt - started).join(', ');
    stream.write(`${options.label}: ${words}\n`);
  }

  return {
    update(doneBytes) {
      done = doneBytes;
      const tenth = Math.floor((done / options.totalBytes) * 10);
      if (finished || tenth === saidTenth || options.now() - saidAt < lineMs) return;
      saidTenth = tenth;
      say();
    },
    note(text) {
      stream.write(`${text}\n`);
    },
    finish() {
      if (finished) return;
      finished = true;
      say();
    },
  };
}
