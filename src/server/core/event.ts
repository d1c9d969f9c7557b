// Defines the events and effects of the server core. The shell turns sockets, clock and engine into
// events, and effects into calls; the simulator does the same under virtual time.

import type { SlotId } from '../../base/brand.js';
import type { ErrorCode } from '../../base/error.js';
import type { KeyGrant } from '../../base/key-grant.js';
import type {
  DraftEachResult,
  DraftRequest,
  ExitHint,
  PassResult,
  Segment,
  SlotConfig,
} from '../../engine/engine.js';
import type { WireCode, WireFault } from '../../protocol/code.js';
import type { DeviceFrame, PicturesWanted, ServerFrame } from '../../protocol/frame.js';
import type { PreparedOpen } from './prepared-open.js';

/** Chosen by the shell; never used twice. */
export type ConnectionId = number;

export type ServerInput =
  | {
      /**
       * `connected-local`: of this process. It needs no greeting, may be silent, and is not shaped,
       * since its frames cross no network.
       */
      readonly kind: 'connected' | 'connected-local';
      readonly connection: ConnectionId;
      /** Grant of the key that was shown with the upgrade; null: none is asked for. */
      readonly grant: KeyGrant | null;
    }
  | { readonly kind: 'disconnected'; readonly connection: ConnectionId }
  | {
      readonly kind: 'frame';
      readonly connection: ConnectionId;
      readonly frame: DeviceFrame;
      /** Of an Open, what the shell has made of it; absent: the core prepares it. */
      readonly prepared?: PreparedOpen;
      /** On the wire, both ways, since the frame before; absent: it never left the process. */
      readonly bytes?: number;
    }
  /** The shell prepares an Open, whose id counts as used from now on. */
  | { readonly kind: 'reserved'; readonly connection: ConnectionId; readonly session: number }
  /** Bytes of frames that the shell has kept for itself: parts of pictures. */
  | { readonly kind: 'spent'; readonly connection: ConnectionId; readonly bytes: number }
  /** The shell needs bytes of pictures for an Open that it prepares. */
  | {
      readonly kind: 'wanted';
      readonly connection: ConnectionId;
      readonly frame: PicturesWanted;
    }
  /** A message was not a legal frame. */
  | { readonly kind: 'fault'; readonly connection: ConnectionId; readonly fault: WireFault }
  /** The device reads more slowly than it is sent to; `cleared` when it has caught up. */
  | { readonly kind: 'clogged' | 'cleared'; readonly connection: ConnectionId }
  /** Answer to the engine operation with this id. */
  | { readonly kind: 'passed'; readonly id: number; readonly result: PassResult }
  /** Guesses of an early exit about a pass that still runs; any number of times. */
  | { readonly kind: 'hinted'; readonly id: number; readonly hints: readonly ExitHint[] }
  /** Answers to the draft effect with this id. */
  | { readonly kind: 'drafted'; readonly id: number; readonly result: DraftEachResult }
  | { readonly kind: 'draft-failed'; readonly id: number; readonly message: string }
  /** `bytes` of a save, else null. */
  | { readonly kind: 'done'; readonly id: number; readonly bytes: Uint8Array | null }
  | {
      readonly kind: 'failed';
      readonly id: number;
      readonly code: ErrorCode;
      readonly message: string;
    }
  /** The time of a wake effect has come. */
  | { readonly kind: 'wake' }
  /** Takes no more sessions and says so; what runs may finish. */
  | { readonly kind: 'drain'; readonly alternatives: readonly string[] }
  /** Ends every connection. */
  | { readonly kind: 'stop' };

/** To be run in the order given, one after another; each is answered by an event with its id. */
export type EngineOperation =
  | {
      readonly kind: 'open';
      readonly id: number;
      readonly slot: SlotId;
      readonly config: SlotConfig;
      /** First tokens of the slot that stay. */
      readonly keptLength: number;
    }
  | {
      readonly kind: 'pass';
      readonly id: number;
      readonly segments: readonly Segment[];
      /** Whether a device wants hints; they come as `hinted` before `passed`. */
      readonly wantsHints: boolean;
      /** How many passes after it will each ask for one more token of all segments, if they can. */
      readonly followCount: number;
    }
  | {
      readonly kind: 'truncate';
      readonly id: number;
      readonly slot: SlotId;
      readonly length: number;
    }
  | {
      readonly kind: 'copy-prefix';
      readonly id: number;
      readonly from: SlotId;
      readonly to: SlotId;
      readonly length: number;
    }
  | { readonly kind: 'save'; readonly id: number; readonly slot: SlotId }
  | {
      readonly kind: 'restore';
      readonly id: number;
      readonly slot: SlotId;
      readonly state: Uint8Array;
      readonly config: SlotConfig;
      /** First tokens of the state that stay. */
      readonly length: number;
    };

export type ServerEffect =
  | {
      readonly kind: 'send';
      readonly connection: ConnectionId;
      readonly frame: ServerFrame;
      /** Padding; 0: none. */
      readonly padBytes: number;
    }
  /** Ends the connection after what was sent; null: nothing is wrong. */
  | { readonly kind: 'close'; readonly connection: ConnectionId; readonly code: WireCode | null }
  | { readonly kind: 'engine'; readonly operation: EngineOperation }
  /** The session that held these images of a `PreparedOpen` is over, or was refused. */
  | { readonly kind: 'release'; readonly hold: number }
  /** [n >= 1] drafts for the draft engine, beside what the other engine does; one at a time. */
  | { readonly kind: 'draft'; readonly id: number; readonly requests: readonly DraftRequest[] }
  /** Feed `wake` at this time; replaces the one before. */
  | { readonly kind: 'wake'; readonly atMs: number };

/** What the core alone gives; `PacedCore` carries out the rest. */
export type CoreEffect =
  | ServerEffect
  /** From now on, session frames of this connection leave at times that are so far apart. */
  | {
      readonly kind: 'pace';
      readonly connection: ConnectionId;
      readonly periodMs: number;
      /** Whether the device was slow to read before. */
      readonly isClogged: boolean;
    };
