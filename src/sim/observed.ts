// Defines the parts of a simulated device and server that observers may read.

import type { ServerCore } from '../server/core/server-core.js';
import type { ServerCoreSettings } from '../server/core/settings.js';
import type { Link } from './link.js';
import type { SimAnswer } from './sim-answer.js';

export interface ObservedDevice {
  readonly index: number;
  readonly link: Pick<Link, 'up' | 'down'> | null;
  /** Answers since its last start that have not ended. */
  readonly live: ReadonlyMap<number, SimAnswer>;
  /** Null while it is not running. */
  readonly core: { readonly answerCount: number } | null;
}

export interface ObservedServer {
  readonly index: number;
  /** Times that it was started. */
  readonly startCount: number;
  readonly peerCount: number;
  readonly settings: Pick<
    ServerCoreSettings,
    'connectionsMax' | 'sessionsMax' | 'swapBytesMax' | 'model'
  >;
  readonly core: Pick<ServerCore, 'stats' | 'checkIntegrity' | 'retainedCount'>;
  readonly engine: { readonly waitingCount: number };
}
