// Shows a view of a running server on a terminal: redraws in place and waits while the server is
// away. Does not fetch anything itself.

import { toPilotfishError } from '../../base/error.js';
import type { ServerStats } from '../../server/index.js';
import type { Terminal } from '../screen/terminal.js';
import { topText } from './view.js';

/**
 * Draws until `terminal.signal` aborts. Throws what `ask` throws the first time; later it waits for
 * a server that does not answer.
 */
export async function watch(
  ask: () => Promise<ServerStats>,
  pause: () => Promise<void>,
  { out, signal }: Terminal,
): Promise<void> {
  let before: ServerStats | null = await ask();
  const draw = drawerOn(out);
  draw(topText(before, null));
  for (;;) {
    await pause();
    if (signal.aborted) return;
    let stats: ServerStats;
    try {
      stats = await ask();
    } catch (reason) {
      const { code, message } = toPilotfishError(reason, 'server-unreachable');
      if (code !== 'server-unreachable') throw reason;
      draw(`${message}; trying again, Ctrl-C stops`);
      before = null;
      continue;
    }
    // A server that was restarted counts from zero again.
    const isSame = before !== null && stats.uptimeMs >= before.uptimeMs;
    draw(topText(stats, isSame ? before : null));
    before = stats;
  }
}

/** Writes each text over the one before, as much as the screen holds. */
function drawerOn(out: Terminal['out']): (text: string) => void {
  let lineCount = 0;
  return (text) => {
    const width = (out.columns ?? 100) - 1;
    // The cursor stands below the last line.
    const lines = text.split('\n').slice(0, Math.max(1, (out.rows ?? Infinity) - 1));
    const up = lineCount > 0 ? `\u001b[${lineCount}A` : '';
    const shown = lines.map((line) => `${line.slice(0, width)}\u001b[K`);
    out.write(`${up}${shown.join('\n')}\n\u001b[J`);
    lineCount = lines.length;
  };
}
