// Turns the issues of a zod schema into one API error: the first one, with the name of its field.

import type * as z from 'zod';
import { ApiError, type ApiErrorCode } from './api-error.js';

type Issue = z.core.$ZodIssue;

/** Such as `messages[2].content`; null for the whole body. */
function paramOf(path: readonly PropertyKey[]): string | null {
  if (path.length === 0) return null;
  return path
    .map((step, index) =>
      typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${String(step)}`,
    )
    .join('');
}

/** Adds an issue that carries an error code of the API. */
export function addIssue(
  context: z.core.$RefinementCtx,
  code: ApiErrorCode,
  message: string,
  path: PropertyKey[] = [],
): never {
  context.addIssue({ code: 'custom', message, path, params: { code } });
  return undefined as never;
}

/** @param issues [n >= 1] */
export function errorOfIssues(issues: readonly Issue[], body: unknown): ApiError {
  // A misspelt field often explains a missing one, so it comes first.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!;
  if (issue.code === 'unrecognized_keys') {
    const param = paramOf([...issue.path, issue.keys[0]!])!;
    return new ApiError('unknown_parameter', `there is no parameter '${param}'`, param);
  }
  const param = paramOf(issue.path);
  const where = param === null ? 'the body' : `'${param}'`;
  const isMissing = issue.code === 'invalid_type' && valueAt(body, issue.path) === undefined;
  if (isMissing && param !== null) {
    return new ApiError('missing_required_parameter', `${where} is missing`, param);
  }
  return new ApiError(
    codeOf(issue),
    `${where}: ${textOf(issue, valueAt(body, issue.path))}`,
    param,
  );
}

/** Value and bound where a bound was exceeded, else the schema's message. */
function textOf(issue: Issue, value: unknown): string {
  if (issue.code === 'too_big') {
    const bound = `${issue.inclusive === false ? 'below' : 'at most'} ${issue.maximum}`;
    return `got ${measured(value)}, expected ${bound}`;
  }
  if (issue.code === 'too_small') {
    const bound = `${issue.inclusive === false ? 'above' : 'at least'} ${issue.minimum}`;
    return `got ${measured(value)}, expected ${bound}`;
  }
  return issue.message.replace(/^Invalid input: /, '');
}

/** The number, or the length of a longer value. */
function measured(value: unknown): string {
  if (Array.isArray(value)) return `${value.length} items`;
  if (typeof value === 'string') return `${value.length} characters`;
  return String(value);
}

function codeOf(issue: Issue): ApiErrorCode {
  if (issue.code === 'custom') return (issue.params?.['code'] as ApiErrorCode) ?? 'invalid_value';
  return issue.code === 'invalid_type' ? 'invalid_type' : 'invalid_value';
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  let value = body;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}
