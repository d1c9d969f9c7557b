// The flags of the HTTP door, on both ends.

import type { Option } from 'commander';
import { PilotfishError } from '../../base/error.js';
import { flag, wholeNumber } from './flags.js';

export interface HttpOptions {
  readonly httpOrigin: readonly string[];
  readonly httpRequests: number;
}

/** Most requests that are being answered at once, where nobody says otherwise. */
const requestsDefault = 1024;

/** What both ends take. */
export function httpFlags(): Option[] {
  const origins = flag(
    '--http-origin <origin>',
    'pages that may ask, as https://example.org or *; may be given again',
  );
  origins.default([], 'none: browsers are kept out');
  origins.argParser((text: string, before: readonly string[]) => [...before, checkedOrigin(text)]);
  return [
    origins,
    flag(
      '--http-requests <n>',
      'most HTTP requests that are answered at once',
      wholeNumber('--http-requests', 1, 65_536),
    ).default(requestsDefault),
  ];
}

function checkedOrigin(text: string): string {
  if (text === '*') return text;
  const isOrigin = URL.canParse(text) && new URL(text).origin === text;
  if (isOrigin) return text;
  throw new PilotfishError(
    'usage',
    `--http-origin takes an origin such as https://example.org, or *, not '${text}'`,
  );
}

/** Puts mistakes of our own where the operator looks; the caller is told nothing of them. */
export function mistakeNote(note: (text: string) => void): (reason: unknown) => void {
  return (reason) => note(`a mistake in the HTTP door: ${(reason as Error)?.stack ?? reason}`);
}
