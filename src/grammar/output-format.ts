// Describes the format that a caller may demand of an answer, and turns it into a JSON Schema for
// all lower layers.

import { PilotfishError } from '../base/error.js';

/** The form of an answer: any JSON object, or a JSON value that a schema accepts. */
export type OutputFormat =
  | { readonly kind: 'json-object' }
  | { readonly kind: 'json-schema'; readonly schema: unknown };

/**
 * The schema of a format as JSON text.
 *
 * @throws PilotfishError `format-invalid` for a schema that is no JSON value.
 */
export function schemaText(format: OutputFormat): string {
  if (format.kind === 'json-object') return '{"type":"object"}';
  let text: string | undefined;
  try {
    text = JSON.stringify(format.schema);
  } catch (cause) {
    throw new PilotfishError('format-invalid', 'the schema is not a JSON value', { cause });
  }
  if (text === undefined) throw new PilotfishError('format-invalid', 'the schema is missing');
  return text;
}
