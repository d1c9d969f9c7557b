// The thread that parses and checks long bodies.

import { serveSide } from '../../threads/serve-side.js';
import { ApiError } from '../api-error.js';
import { checkBrackets } from './body-measure.js';
import { bodyReaders, type ReadReply, type ReadRequest, refusalOf } from './messages.js';

/** As grammar/grammar-limits.ts, which refuses longer ones; here they are not even sent. */
const schemaLettersMax = 65_536;
const decoder = new TextDecoder();

function read({ kind, bytes }: ReadRequest): ReadReply {
  checkBrackets(bytes);
  const request = bodyReaders[kind](parsed(bytes));
  const { format } = request;
  if (format?.kind !== 'json-schema') return { kind: 'read', request, schema: null };
  const schema = textOf(format.schema);
  if (schema.length > schemaLettersMax) {
    const message = `the schema at #: longer than ${schemaLettersMax} bytes`;
    throw new ApiError('invalid_value', message, 'response_format');
  }
  return { kind: 'read', request: { ...request, format: null }, schema };
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    throw new ApiError('invalid_json', 'the body is not JSON');
  }
}

function textOf(schema: unknown): string {
  try {
    return JSON.stringify(schema);
  } catch {
    throw new ApiError('invalid_value', 'the schema is not a JSON value', 'response_format');
  }
}

serveSide((request: ReadRequest): ReadReply => {
  try {
    return read(request);
  } catch (reason) {
    if (reason instanceof ApiError) return refusalOf(reason);
    throw reason;
  }
});
