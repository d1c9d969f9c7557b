// Defines the flags of the HTTP API, the same for server and device.

import type { Option } from 'commander';
import { flag, usageError, wholeNumber } from './flags.js';

export interface HttpOptions {
  readonly httpOrigin: readonly string[];
  readonly httpRequests: number;
}

/** Most requests that run at once by default. */
const requestsDefault = 1024;

/** The flags of both ends. */
export function httpFlags(): Option[] {
  const origins = flag(
    '--http-origin <origin>',
    'origin of web pages that may use the API, such as https://example.org, or *; repeatable',
  );
  origins.default([], 'none: browsers are refused');
  origins.argParser((text: string, before: readonly string[]) => [...before, checkedOrigin(text)]);
  return [
    origins,
    flag('--http-requests <n>', 'most HTTP requests at once', wholeNumber(1, 65_536)).default(
      requestsDefault,
    ),
  ];
}

function checkedOrigin(text: string): string {
  if (text === '*') return text;
  const isOrigin = URL.canParse(text) && new URL(text).origin === text;
  if (isOrigin) return text;
  throw usageError(
    `--http-origin takes an origin such as https://example.org, or *, not '${text}'`,
  );
}

/** Shows internal errors of the API to the operator; callers learn nothing of them. */
export function internalErrorNote(note: (text: string) => void): (reason: unknown) => void {
  return (reason) => {
    const lines = `${(reason as Error)?.stack ?? reason}`.split('\n');
    for (const line of lines) note(`internal error in the HTTP API: ${line.trim()}`);
  };
}
