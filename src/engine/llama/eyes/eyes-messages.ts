// Names what an image encoder and its child process say to each other.

import type { ErrorCode } from '../../../base/error.js';
import type { EncodedPicture } from '../../image-tokens.js';
import type { ImagePixels, MtmdFiles } from '../ffi/mtmd.js';

/** The first message loads; the others encode, one at a time. */
export type EyesRequest =
  | { readonly kind: 'load'; readonly files: MtmdFiles }
  | { readonly kind: 'encode'; readonly picture: ImagePixels };

export type EyesReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'encoded'; readonly picture: EncodedPicture }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string };
