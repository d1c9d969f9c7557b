// Completes the input of `pilotfish plan`: flags before profiles before defaults, and the source of
// each number.

import type { PassCost } from '../../math/pass-time.js';
import type { Mode } from '../../protocol/frame.js';
import type { LinkModel } from '../../sim/index.js';
import { type DeviceName, deviceProfiles, draftMsOf } from '../../sim/profiles/device-profiles.js';
import { type LinkName, type LinkShape, linkProfiles } from '../../sim/profiles/link-profiles.js';
import {
  type PriceName,
  priceProfiles,
  type ServerName,
  serverProfiles,
} from '../../sim/profiles/server-profiles.js';
import { linkModelOf } from '../../sim/service/serve.js';
import { usageError } from '../flags/flags.js';
import { formatPlain } from '../screen/numbers.js';

/** Flags as given; absent where not. */
export interface PlanOptions {
  readonly tokensPerSecond: number;
  readonly devices: number;
  readonly usersMax: number;
  readonly active: number;
  readonly target: ServerName;
  readonly stats?: string;
  readonly passMs?: number;
  readonly rowMs?: number;
  readonly tokenMs?: number;
  readonly slots?: number;
  readonly device: DeviceName;
  readonly draftWeights: number;
  readonly draftMs?: number;
  readonly serverDraftMs?: number;
  readonly watts?: number;
  readonly acceptance: number;
  readonly link: LinkName;
  readonly roundTripMs?: number;
  readonly jitterMs?: number;
  readonly upMbps?: number;
  readonly downMbps?: number;
  readonly price: PriceName;
  readonly dollarsPerHour?: number;
  readonly promptTokens: number;
  readonly answerTokens: number;
  readonly modes?: readonly Mode[];
  readonly seed: number;
}

type OwnOptions = 'tokensPerSecond' | 'usersMax' | 'promptTokens' | 'answerTokens' | 'seed';

export interface PlanQuestion extends Pick<PlanOptions, OwnOptions> {
  /** Users at once for the comparison of modes. */
  readonly users: number;
  /** Share of time in which a device is active, in (0, 1]. */
  readonly activeShare: number;
  readonly pass: PassCost;
  /** Null: one per user. */
  readonly slotCount: number | null;
  readonly draftMs: number;
  /** For one session, and for each further one in the same draft pass; null: no model there. */
  readonly serverDraft: { readonly stepMs: number; readonly rowMs: number } | null;
  readonly watts: number;
  readonly acceptanceRate: number;
  readonly link: LinkModel;
  readonly roundTripMs: number;
  readonly dollarsAnHour: number;
  readonly modes: readonly Mode[];
  /** Rows for people: part and value. */
  readonly setUp: readonly (readonly [string, string])[];
}

/** @throws PilotfishError `usage`. */
function modesOf({ modes, serverDraftMs }: PlanOptions): readonly Mode[] {
  if (modes === undefined) {
    const coLocated = serverDraftMs === undefined ? [] : (['co-located'] as const);
    return ['auto', 'race', 'pipeline', 'stop-and-wait', ...coLocated, 'stream'];
  }
  if (modes.includes('co-located') && serverDraftMs === undefined) {
    throw usageError("--modes co-located needs --server-draft-ms: its drafts are all the server's");
  }
  return modes;
}

/** @param measured pass cost of a running server, or null. */
export function planQuestion(options: PlanOptions, measured: PassCost | null): PlanQuestion {
  const link = linkOf(options);
  const device = deviceProfiles[options.device];
  const draftMs = options.draftMs ?? draftMsOf(device, options.draftWeights);
  const pass = passOf(options, measured);
  const { acceptance: acceptanceRate } = options;
  return {
    tokensPerSecond: options.tokensPerSecond,
    users: options.devices,
    usersMax: Math.max(options.usersMax, options.devices),
    activeShare: options.active,
    pass,
    slotCount: options.slots ?? null,
    draftMs,
    serverDraft: serverDraftOf(options, pass),
    watts: options.watts ?? device.draftWatts,
    acceptanceRate,
    link: linkModelOf(link),
    roundTripMs: link.roundTripMs,
    dollarsAnHour: options.dollarsPerHour ?? priceProfiles[options.price].dollarsAnHour,
    promptTokens: options.promptTokens,
    answerTokens: options.answerTokens,
    modes: modesOf(options),
    seed: options.seed,
    setUp: [
      ['target', targetText(options, pass, measured)],
      ['devices', deviceText(options, draftMs)],
      ...serverDraftRows(options),
      ['link', linkText(options, link)],
      ['price', priceText(options)],
      [
        'answers',
        `${options.answerTokens} tokens after ${options.promptTokens}; ${options.tokensPerSecond} tokens/s wanted`,
      ],
    ],
  };
}

function passOf(options: PlanOptions, measured: PassCost | null): PassCost {
  const profile = measured ?? serverProfiles[options.target].pass;
  return {
    ...profile,
    fixedMs: options.passMs ?? profile.fixedMs,
    rowMs: options.rowMs ?? profile.rowMs,
    tokenMs: options.tokenMs ?? profile.tokenMs,
  };
}

/** More sessions in a draft pass cost what they cost in a pass of the target, in proportion. */
function serverDraftOf(
  { serverDraftMs: stepMs }: PlanOptions,
  { fixedMs, rowMs, tokenMs }: PassCost,
): PlanQuestion['serverDraft'] {
  if (stepMs === undefined) return null;
  const whole = fixedMs + rowMs + tokenMs;
  return { stepMs, rowMs: whole === 0 ? 0 : (stepMs * (rowMs + tokenMs)) / whole };
}

function serverDraftRows({ serverDraftMs, acceptance }: PlanOptions): [string, string][] {
  if (serverDraftMs === undefined) return [];
  const accepted = `${Math.round(100 * acceptance)} % accepted`;
  return [['', `${formatPlain(serverDraftMs)} ms a token drafted on the server, ${accepted}`]];
}

/** The profile with given values in place of its own, without stalls: plans are for usual cases. */
function linkOf(options: PlanOptions): LinkShape {
  const profile = linkProfiles[options.link];
  return {
    roundTripMs: options.roundTripMs ?? profile.roundTripMs,
    jitterMs: options.jitterMs ?? profile.jitterMs,
    upMbps: options.upMbps ?? profile.upMbps,
    downMbps: options.downMbps ?? profile.downMbps,
    ...{ stallShare: 0, stallMs: 0 },
  };
}

function targetText(options: PlanOptions, pass: PassCost, measured: unknown): string {
  const from = measured === null ? `profile ${options.target}` : `measured by ${options.stats}`;
  const { passMs, rowMs, tokenMs } = options;
  const given = [passMs, rowMs, tokenMs].filter((value) => value !== undefined).length;
  const source = given === 3 ? 'given' : given > 0 ? `given, the rest ${from}` : from;
  return `${formatPlain(pass.fixedMs)} ms a pass, ${formatPlain(pass.rowMs)} ms a row, ${formatPlain(pass.tokenMs)} ms a token (${source})`;
}

function priceText({ price, dollarsPerHour }: PlanOptions): string {
  if (dollarsPerHour !== undefined) return `$${dollarsPerHour} an hour`;
  const { name, dollarsAnHour, source } = priceProfiles[price];
  return `$${dollarsAnHour} an hour (${name}: ${source})`;
}

function deviceText(options: PlanOptions, draftMs: number): string {
  const { device, draftWeights, acceptance } = options;
  const profile = `${deviceProfiles[device].name}, ${draftWeights} million weights`;
  const source = options.draftMs === undefined ? ` (${profile}: calculated)` : '';
  return `${formatPlain(draftMs)} ms a drafted token${source}, ${Math.round(100 * acceptance)} % accepted`;
}

function linkText({ link }: PlanOptions, shape: LinkShape): string {
  const { roundTripMs, jitterMs, upMbps, downMbps } = shape;
  const [rtt, jitter, up, down] = [roundTripMs, jitterMs, upMbps, downMbps].map(formatPlain);
  return `round trip ${rtt} ms, up to ${jitter} ms more each way, ${up} Mbps up, ${down} down (profile ${link})`;
}
