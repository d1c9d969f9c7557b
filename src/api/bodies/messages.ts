// What the API and the thread that reads long bodies say to each other: one request, one reply.

import { ApiError, type ApiErrorCode } from '../api-error.js';
import type { ApiRequest } from '../api-request.js';
import { readChatRequest } from '../chat-request.js';
import { readCompletionRequest } from '../completion-request.js';

/** The endpoints that take bodies, and how each reads one. */
export const bodyReaders = { chat: readChatRequest, completion: readCompletionRequest } as const;
export type BodyKind = keyof typeof bodyReaders;

export interface ReadRequest {
  readonly kind: BodyKind;
  readonly bytes: Uint8Array;
}

export type ReadReply =
  /** `schema`: JSON text of the format's schema, which is left out of the request. */
  | { readonly kind: 'read'; readonly request: ApiRequest; readonly schema: string | null }
  | {
      readonly kind: 'refused';
      readonly code: ApiErrorCode;
      readonly message: string;
      readonly param: string | null;
    };

export const refusalOf = ({ code, message, param }: ApiError): ReadReply => ({
  ...{ kind: 'refused', code, message, param },
});

/** @throws ApiError for a body that was refused. */
export function requestIn(reply: ReadReply): ApiRequest {
  if (reply.kind === 'refused') throw new ApiError(reply.code, reply.message, reply.param);
  const { request, schema } = reply;
  if (schema === null) return request;
  return { ...request, format: { kind: 'json-schema', schema: JSON.parse(schema) as unknown } };
}
