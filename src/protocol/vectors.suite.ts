// Lists the golden vectors: every message of the wire as a frame, as protobuf text format, and as
// bytes. The bytes were made from the text by an encoder that is not ours:
//   protoc --encode=pilotfish.v1.Frame pilotfish.proto < text | xxd -p      (libprotoc 3.21.12)
// those of versions 2 to 5 with `buf convert` (1.75), put in the order of field numbers by
// @bufbuild/protobuf. PROTOCOL.md shows them all.

import { deviceVectors } from './device-vectors.suite.js';
import type { Frame } from './frame.js';
import { serverVectors } from './server-vectors.suite.js';

export interface Vector {
  /** Description of the frame. */
  readonly title: string;
  readonly frame: Frame;
  /** Protobuf text format of the message Frame. */
  readonly text: string;
  readonly hex: string;
  /** Padding classes. Default: no padding. */
  readonly padBytes?: number;
}

export const vectors: readonly Vector[] = [...deviceVectors, ...serverVectors];
