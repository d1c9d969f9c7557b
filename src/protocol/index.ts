/**
 * The wire protocol: frames and their bytes, limits, codes, versions, transports. PROTOCOL.md
 * explains each frame.
 *
 * @module pilotfish/protocol
 */

export type { ChatMessage } from '../base/chat-message.js';
export type { TokenTexts } from '../base/vocabulary-difference.js';
export {
  type CodeEntry,
  closeCodeOf,
  codeOfCloseCode,
  codeTable,
  type WireCode,
  type WireFault,
} from './code.js';
export { type Decoded, decodeDeviceFrame, decodeServerFrame, encodeFrame } from './codec.js';
export {
  type Cancel,
  type Close,
  type DeviceFrame,
  type Draft,
  type Drain,
  type EndReason,
  endReasons,
  type Failure,
  type Frame,
  type Hello,
  type Hint,
  type ImageSpan,
  type OfferedLimits,
  type Open,
  type Opened,
  type PicturePart,
  type PictureRef,
  type PicturesWanted,
  type PictureWant,
  type Ping,
  type Pong,
  type Prompt,
  type Resume,
  type Resumed,
  type Scheme,
  type SentLaw,
  type ServerFrame,
  type SourceCounts,
  schemes,
  type Tail,
  type TailRequest,
  type TrafficShaping,
  type Verdict,
  type VocabularyBlock,
  type Welcome,
} from './frame.js';
export { type Limit, type LimitName, limits } from './limits.js';
export { isOffered, type Mode, modes } from './mode.js';
export { tokenLogHash } from './token-log-hash.js';
export {
  closeLost,
  closeNormal,
  type Transport,
  type TransportEnd,
  type TransportListener,
} from './transport.js';
export { negotiateVersion, subprotocol, versionMax, versionMin } from './version.js';
export { blockHashesOf } from './vocabulary-blocks.js';
