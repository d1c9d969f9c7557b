// Lists links for experiments to imitate: round figures for each kind of link, not measurements of
// one. Results that use them are called emulated.

export interface LinkShape {
  /** There and back, without what the bytes take. */
  readonly roundTripMs: number;
  /** Added to a message each way, uniform in [0, this). */
  readonly jitterMs: number;
  readonly upMbps: number;
  readonly downMbps: number;
  /** Share of the messages that arrive late by `stallMs`: a loss, as TCP's reader sees it. */
  readonly stallShare: number;
  readonly stallMs: number;
}

export interface LinkProfile extends LinkShape {
  readonly name: string;
}

const still = { jitterMs: 0, stallShare: 0, stallMs: 0 } as const;

/** A link that delays and does nothing else, or carries so much a second each way as well. */
export const evenLink = (roundTripMs: number, mbps = Infinity): LinkShape => ({
  roundTripMs,
  upMbps: mbps,
  downMbps: mbps,
  ...still,
});

export const linkProfiles = {
  loopback: { name: 'loopback', roundTripMs: 0, upMbps: 10_000, downMbps: 10_000, ...still },
  lan: { name: 'LAN', roundTripMs: 1, upMbps: 1_000, downMbps: 1_000, ...still },
  wifi: {
    name: 'Wi-Fi',
    roundTripMs: 5,
    jitterMs: 4,
    upMbps: 100,
    downMbps: 200,
    stallShare: 0.002,
    stallMs: 60,
  },
  '5g': {
    name: '5G',
    roundTripMs: 20,
    jitterMs: 6,
    upMbps: 50,
    downMbps: 300,
    stallShare: 0.002,
    stallMs: 120,
  },
  lte: {
    name: 'LTE',
    roundTripMs: 50,
    jitterMs: 15,
    upMbps: 10,
    downMbps: 40,
    stallShare: 0.005,
    stallMs: 200,
  },
  satellite: {
    name: 'satellite (low orbit)',
    roundTripMs: 60,
    jitterMs: 20,
    upMbps: 15,
    downMbps: 100,
    stallShare: 0.01,
    stallMs: 200,
  },
} as const satisfies Record<string, LinkProfile>;
export type LinkName = keyof typeof linkProfiles;

/**
 * Bytes of one segment of TCP on common links, and of the layers around each: IPv4 and TCP, 20
 * each.
 */
const segmentBytes = 1_448;
const segmentOverheadBytes = 40;
/** TLS 1.3 and WebSocket, once for a message. */
const messageOverheadBytes = 30;

/**
 * Bytes on the wire of a message with `payloadBytes`; acknowledgements, which share packets, are
 * left out.
 */
export function wireBytesOf(payloadBytes: number): number {
  const bytes = payloadBytes + messageOverheadBytes;
  return bytes + Math.ceil(bytes / segmentBytes) * segmentOverheadBytes;
}

/** Milliseconds in which a link carries bytes. @param mbps > 0. */
export const carryMs = (bytes: number, mbps: number): number => (8 * bytes) / (1_000 * mbps);
