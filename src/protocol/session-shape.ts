// Maps the fields that frames of sessions share, in both directions.

import { resumeKeyBytes } from './limits.js';
import { plain, required } from './wire-message.js';
import { byteString, u32 } from './wire-value.js';

export const sessionId = plain(1, u32, 0);

export const resumeKey = required(
  2,
  byteString(resumeKeyBytes, 'resumeKey'),
  'limit-exceeded',
  'resumeKey',
);
