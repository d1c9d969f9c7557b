// Maps our error codes to the errors of OpenAI's API: a status, and a body of message, type, param
// and code. The only place that does; docs/api.md prints the table.

import { type ErrorCode, PilotfishError } from '../base/error.js';

export type ApiErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'permission_error'
  | 'not_found_error'
  | 'rate_limit_error'
  | 'unavailable_error'
  | 'server_error';

interface ErrorKind {
  readonly status: number;
  readonly type: ApiErrorType;
  /** Seconds after which the same request may succeed; null: waiting does not help. */
  readonly retryAfterS: number | null;
}

const kind = (
  status: number,
  type: ApiErrorType,
  retryAfterS: number | null = null,
): ErrorKind => ({ status, type, retryAfterS });

/** Every `code` that an error body may carry. */
export const apiErrorTable = {
  invalid_json: kind(400, 'invalid_request_error'),
  invalid_type: kind(400, 'invalid_request_error'),
  invalid_value: kind(400, 'invalid_request_error'),
  missing_required_parameter: kind(400, 'invalid_request_error'),
  unknown_parameter: kind(400, 'invalid_request_error'),
  unsupported_parameter: kind(400, 'invalid_request_error'),
  context_length_exceeded: kind(400, 'invalid_request_error'),
  invalid_api_key: kind(401, 'authentication_error'),
  origin_not_allowed: kind(403, 'permission_error'),
  host_not_allowed: kind(403, 'permission_error'),
  right_missing: kind(403, 'permission_error'),
  model_not_found: kind(404, 'not_found_error'),
  unknown_url: kind(404, 'not_found_error'),
  method_not_allowed: kind(405, 'invalid_request_error'),
  request_too_large: kind(413, 'invalid_request_error'),
  unsupported_media_type: kind(415, 'invalid_request_error'),
  rate_limit_exceeded: kind(429, 'rate_limit_error', 1),
  cancelled: kind(499, 'server_error'),
  internal_error: kind(500, 'server_error'),
  engine_failed: kind(500, 'server_error'),
  bad_upstream: kind(502, 'server_error'),
  server_busy: kind(503, 'unavailable_error', 1),
  server_unavailable: kind(503, 'unavailable_error', 5),
} as const satisfies Record<string, ErrorKind>;

export type ApiErrorCode = keyof typeof apiErrorTable;

export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: ApiErrorType;
    readonly param: string | null;
    readonly code: ApiErrorCode;
  };
}

/** An error that is sent to the caller. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ApiErrorCode;
  /** Path of the wrong field, such as `messages[2].content`; null: no single field is wrong. */
  readonly param: string | null;
  readonly #retryAfterMs: number;

  /** @param retryAfterMs 0: the default of the code. */
  constructor(code: ApiErrorCode, message: string, param: string | null = null, retryAfterMs = 0) {
    super(message);
    this.code = code;
    this.param = param;
    this.#retryAfterMs = retryAfterMs;
  }

  get status(): number {
    return apiErrorTable[this.code].status;
  }

  get retryAfterS(): number | null {
    const advised = apiErrorTable[this.code].retryAfterS;
    if (advised === null || this.#retryAfterMs === 0) return advised;
    return Math.ceil(this.#retryAfterMs / 1000);
  }

  get body(): ErrorBody {
    const { message, param, code } = this;
    return { error: { message, type: apiErrorTable[code].type, param, code } };
  }
}

/** Our codes that a request can cause. Every other code is an internal error. */
const apiCodes: Partial<Record<ErrorCode, ApiErrorCode>> = {
  usage: 'invalid_value',
  cancelled: 'cancelled',
  'prompt-empty': 'invalid_value',
  'prompt-too-long': 'context_length_exceeded',
  'context-exhausted': 'context_length_exceeded',
  'token-out-of-range': 'invalid_value',
  'sampling-invalid': 'invalid_value',
  'format-invalid': 'invalid_value',
  'chat-template-failed': 'invalid_value',
  'picture-invalid': 'invalid_value',
  'picture-unsupported': 'invalid_value',
  'picture-too-large': 'invalid_value',
  'picture-unseen': 'invalid_value',
  'picture-decoder-missing': 'engine_failed',
  'engine-failed': 'engine_failed',
  'engine-closed': 'server_unavailable',
  'server-unreachable': 'server_unavailable',
  'link-lost': 'server_unavailable',
  'server-busy': 'server_busy',
  'quota-exceeded': 'rate_limit_exceeded',
  'server-refused': 'bad_upstream',
  'protocol-violated': 'bad_upstream',
};

/**
 * The API error for anything thrown. An unknown error becomes `internal_error`, without its
 * message.
 */
export function toApiError(reason: unknown): ApiError {
  if (reason instanceof ApiError) return reason;
  if (!(reason instanceof PilotfishError)) {
    return new ApiError('internal_error', 'internal error; the server log has the details');
  }
  const param = reason.code === 'format-invalid' ? 'response_format' : null;
  const { code, message, retryAfterMs } = reason;
  return new ApiError(apiCodes[code] ?? 'internal_error', message, param, retryAfterMs);
}
