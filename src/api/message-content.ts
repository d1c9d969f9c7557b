// Reads the content of a chat message: text, or parts of text and pictures. Pictures are checked by
// their content here, before anything is decoded; nothing is ever fetched.

import * as z from 'zod';
import { PilotfishError } from '../base/error.js';
import { pictureOfDataUrl } from '../pictures/data-url.js';
import { addIssue } from './request-issue.js';

/** A message's text, and the pictures in it. */
export interface MessageContent {
  readonly text: string;
  readonly pictures: readonly PlacedPicture[];
}

/** A picture within a text. */
export interface PlacedPicture {
  /** Place in the text, in UTF-16 units: the picture comes before the letter there. */
  readonly at: number;
  /** Of its file: PNG, JPEG or WebP, checked by content. */
  readonly bytes: Uint8Array;
}

const textPart = z.strictObject({ type: z.literal('text'), text: z.string() });
const picturePart = z.strictObject({
  type: z.literal('image_url'),
  image_url: z.strictObject({
    url: z.string(),
    // Pictures are always scaled to the size that the model was trained on.
    detail: z.enum(['auto', 'low', 'high']).nullish(),
  }),
});

const typeOf = (part: unknown): unknown => (part as { type?: unknown } | null)?.type ?? null;

/** A string, or parts: texts are joined without a separator, and pictures keep their places. */
export const messageContent = z.unknown().transform((value, context): MessageContent => {
  if (typeof value === 'string') return { text: value, pictures: [] };
  if (value === undefined) return addIssue(context, 'missing_required_parameter', 'is missing');
  if (!Array.isArray(value)) {
    return addIssue(context, 'invalid_type', 'expected a string or an array of parts');
  }
  let text = '';
  const pictures: PlacedPicture[] = [];
  for (const [index, part] of value.entries()) {
    if (typeOf(part) === 'image_url') {
      const bytes = pictureIn(part, index, context);
      if (bytes === null) return z.NEVER;
      pictures.push({ at: text.length, bytes });
      continue;
    }
    const parsed = textPart.safeParse(part);
    if (!parsed.success) {
      const type = JSON.stringify(typeOf(part));
      const why = `parts of type ${type} are not supported; only text and image_url are`;
      return addIssue(context, 'unsupported_parameter', why, [index]);
    }
    text += parsed.data.text;
  }
  return { text, pictures };
});

/** The checked bytes of a picture part, or null after an issue. */
function pictureIn(
  part: unknown,
  index: number,
  context: z.core.$RefinementCtx,
): Uint8Array | null {
  const parsed = picturePart.safeParse(part);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    addIssue(context, 'invalid_value', message, [index, ...path]);
    return null;
  }
  try {
    return pictureOfDataUrl(parsed.data.image_url.url);
  } catch (reason) {
    if (!(reason instanceof PilotfishError)) throw reason;
    addIssue(context, 'invalid_value', reason.message, [index, 'image_url', 'url']);
    return null;
  }
}
