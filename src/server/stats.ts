// Collects the statistics of a running server: the core's counts, the wire's, and the process's.
// Plain numbers with the unit in the name, for `GET /stats`, `pilotfish top` and --json.

import type { CoreStats } from './core/core-stats.js';
import type { PictureStats } from './eyes/server-eyes.js';
import type { LoopDelays } from './loop-delay.js';

export interface WireCounts {
  /** From devices, and to devices; messages and their bytes without framing of the transport. */
  readonly messagesUp: number;
  readonly messagesDown: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
}

/** What a running server says of itself, as `GET /stats` does. */
export interface ServerStats {
  readonly modelName: string;
  readonly contextLength: number;
  readonly uptimeMs: number;
  readonly core: CoreStats;
  readonly wire: WireCounts;
  /** All 0 for a server without eyes. */
  readonly pictures: PictureStats & {
    /** Of files that arrive from devices, and of those cut off within the last minute. */
    readonly arrivingBytes: number;
  };
  readonly process: {
    readonly residentBytes: number;
    readonly heapBytes: number;
    /** Processor time of the whole process since the start, in milliseconds. */
    readonly cpuMs: number;
    /** How late the event loop was in the last ten seconds; see LoopDelay. */
    readonly loopDelayMs: LoopDelays;
  };
}

export class WireTally implements WireCounts {
  messagesUp = 0;
  messagesDown = 0;
  bytesUp = 0;
  bytesDown = 0;

  up(bytes: number): void {
    this.messagesUp++;
    this.bytesUp += bytes;
  }

  down(bytes: number): void {
    this.messagesDown++;
    this.bytesDown += bytes;
  }

  get counts(): WireCounts {
    return { ...this };
  }
}

export function processStats(loopDelayMs: LoopDelays): ServerStats['process'] {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return { residentBytes: rss, heapBytes: heapUsed, cpuMs: (user + system) / 1000, loopDelayMs };
}
