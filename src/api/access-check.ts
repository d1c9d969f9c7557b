// Turns a refusal of the access check into an API error, and gives the CORS headers that browsers
// want.

import type { AccessDecision } from '../access/access.js';
import { ApiError, type ApiErrorCode } from './api-error.js';

type Refusal = Extract<AccessDecision, { kind: 'refused' }>;

const codes: Readonly<Record<Refusal['code'], ApiErrorCode>> = {
  'key-missing': 'invalid_api_key',
  'key-unknown': 'invalid_api_key',
  'origin-unknown': 'origin_not_allowed',
  'host-unknown': 'host_not_allowed',
};

/** The decision, unless it refuses the caller. @throws ApiError where it does. */
export function checkAccess(admission: AccessDecision): Exclude<AccessDecision, Refusal> {
  if (admission.kind !== 'refused') return admission;
  throw new ApiError(codes[admission.code], admission.message);
}

/** Lets a page of an allowed origin read the answer. */
export const originHeaders = (origin: string): Readonly<Record<string, string>> => ({
  'access-control-allow-origin': origin,
  vary: 'Origin',
  'access-control-expose-headers': 'x-request-id, retry-after',
});

export const preflightHeaders = {
  'access-control-allow-methods': 'GET, POST, OPTIONS',
  'access-control-allow-headers': 'authorization, content-type',
  'access-control-max-age': '600',
} as const;
