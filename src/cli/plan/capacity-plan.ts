// Computes a plan: for each mode, how many users one server carries, and what they get at the
// number of users asked for. All numbers come from the shipped cores in virtual time.

import { median, quantile } from '../../math/statistics.js';
import type { Mode } from '../../protocol/frame.js';
import { divergenceFor, mostUsers, type Service, simulateService } from '../../sim/index.js';
import { dollarsPerMillion } from '../../sim/profiles/server-profiles.js';
import type { PlanQuestion } from './question.js';

/** Results of a mode for a number of users who are all active. */
export interface Load {
  readonly users: number;
  /** In the middle of an answer: for the median user, and for the one at the slowest 5 %. */
  readonly tokensPerSecond: number;
  readonly tokensPerSecondLow: number;
  readonly firstTokenMs: number;
  readonly firstTokenMsHigh: number;
  readonly serverTokensPerSecond: number;
  /** Drafts tested per pass of a session, as the controller chose. */
  readonly draftLength: number;
  readonly acceptedShare: number | null;
  readonly busyShare: number;
  readonly rowsPerToken: number;
  readonly messagesPerToken: number;
  readonly bytesPerToken: number;
  readonly joulesPerToken: number;
  readonly dollarsPerMillion: number;
}

export interface ModePlan {
  readonly mode: Mode;
  /** Most users at once; 0: not even one gets the wanted speed. */
  readonly usersMost: number;
  /** Whether the search ended at its limit, so that there may be more. */
  readonly isMore: boolean;
  /** Devices that may be connected, each active for a share of the time. */
  readonly devicesMost: number;
  /** At the most users; null where that is none. */
  readonly atMost: Load | null;
  readonly asked: Load;
  /** [loads] all simulated loads, by number of users. */
  readonly loads: readonly Load[];
}

export interface CapacityPlan {
  readonly modes: readonly ModePlan[];
  /** The recommended mode, by `asked`. */
  readonly best: Mode;
}

/** Streaming needs no drafter, and auto is the default: others must be faster by this share. */
const worthwhile = 0.02;
/** Tokens that `serve` drafts each round in mode co-located by default. */
const fixedLength = 4;

/** @param note is called with each simulated load. */
export async function planOf(
  question: PlanQuestion,
  note: (line: string) => Promise<void>,
): Promise<CapacityPlan> {
  const divergence = divergenceFor(question.acceptanceRate);
  const plans: ModePlan[] = [];
  for (const mode of question.modes) {
    plans.push(await planMode(question, mode, divergence, note));
  }
  return { modes: plans, best: bestOf(plans) };
}

async function planMode(
  question: PlanQuestion,
  mode: Mode,
  divergence: number,
  note: (line: string) => Promise<void>,
): Promise<ModePlan> {
  const seen = new Map<number, Load>();
  const at = async (users: number): Promise<Load> => {
    const known = seen.get(users);
    if (known !== undefined) return known;
    await note(`${mode} with ${users} at once`);
    const load = play(question, mode, divergence, users);
    seen.set(users, load);
    return load;
  };
  const { users, usersMax, activeShare, tokensPerSecond } = question;
  const asked = await at(users);
  const isEnough = ({ tokensPerSecondLow }: Load): boolean => tokensPerSecondLow >= tokensPerSecond;
  const most = await mostUsers(usersMax, async (count) => isEnough(await at(count)));
  return {
    mode,
    usersMost: most,
    isMore: most === usersMax,
    devicesMost: Math.floor(most / activeShare),
    atMost: most === 0 ? null : seen.get(most)!,
    asked,
    loads: [...seen.values()].sort((a, b) => a.users - b.users),
  };
}

function play(question: PlanQuestion, mode: Mode, divergence: number, users: number): Load {
  const figures = simulateService(serviceOf(question, mode, divergence, users), question.seed);
  const { firstTokenMs, tokenMs, tokensPerSecond } = figures;
  return {
    users,
    tokensPerSecond: 1_000 / median(tokenMs),
    tokensPerSecondLow: 1_000 / quantile(tokenMs, 0.95),
    firstTokenMs: median(firstTokenMs),
    firstTokenMsHigh: quantile(firstTokenMs, 0.95),
    serverTokensPerSecond: tokensPerSecond,
    draftLength: figures.draftLength,
    acceptedShare: figures.acceptedShare,
    busyShare: figures.busyShare,
    rowsPerToken: figures.rows,
    messagesPerToken: figures.upMessages + figures.downMessages,
    bytesPerToken: figures.upBytes + figures.downBytes,
    joulesPerToken: (figures.drafted * question.draftMs * question.watts) / 1_000,
    dollarsPerMillion: dollarsPerMillion(question, tokensPerSecond),
  };
}

function serviceOf(question: PlanQuestion, mode: Mode, divergence: number, users: number): Service {
  const { draftMs, serverDraft, link, pass, slotCount, promptTokens, answerTokens } = question;
  return {
    deviceCount: users,
    devices: [{ name: 'device', share: 1, draftMs, divergence, link }],
    scheme: 'coupled',
    mode,
    stopRule: { kind: 'adaptive', draftLengthMax: 16 },
    pass,
    passNoise: 0.05,
    slotCount: slotCount ?? users,
    staticBatch: null,
    ...(serverDraft && { coDrafter: { ...serverDraft, divergence, fixedLength } }),
    promptTokens,
    answerTokens,
  };
}

/** The fastest mode at `asked`; streaming, then auto, unless another is worth it. */
function bestOf(plans: readonly ModePlan[]): Mode {
  const speed = ({ asked }: ModePlan): number => asked.tokensPerSecond;
  const fastest = plans.reduce((best, one) => (speed(one) > speed(best) ? one : best));
  const isEven = (mode: Mode): boolean => {
    const plan = plans.find((one) => one.mode === mode);
    return plan !== undefined && speed(fastest) <= (1 + worthwhile) * speed(plan);
  };
  const simple = (['stream', 'auto'] as const).find(isEven);
  return simple ?? fastest.mode;
}
