// The answer to a question of `pilotfish plan`: for each mode, how many users one server carries, and what users see at a
// number that was asked for. Every number comes out of the shipped cores in virtual time.

import { median, quantile } from '../../math/statistics.js';
import type { Mode } from '../../protocol/frame.js';
import { divergenceFor, mostUsers, type Service, simulateService } from '../../sim/index.js';
import { dollarsPerMillion } from '../../sim/profiles/server-profiles.js';
import type { PlanQuestion } from './question.js';

/** What a mode gives a number of users who all write at once. */
export interface Load {
  readonly users: number;
  /** Of an answer's middle: of the median user, and of the one that 95 % are better off than. */
  readonly tokensPerSecond: number;
  readonly tokensPerSecondLow: number;
  readonly firstTokenMs: number;
  readonly firstTokenMsHigh: number;
  readonly serverTokensPerSecond: number;
  /** Drafts tested for each pass of a session: what the controller made of the draft length. */
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
  /** Users writing at once; 0: not even one gets what is wanted. */
  readonly usersMost: number;
  /** Nobody looked further. */
  readonly isMore: boolean;
  /** Devices that may be connected, each of which writes only a share of the time. */
  readonly devicesMost: number;
  /** At the most users; null where that is none. */
  readonly atMost: Load | null;
  readonly asked: Load;
  /** [looks] all loads that were played, by number of users. */
  readonly loads: readonly Load[];
}

export interface CapacityPlan {
  readonly modes: readonly ModePlan[];
  /** Of `asked`: what a user is told to take. */
  readonly best: Mode;
}

/** Streaming needs no drafter: others have to be faster by more than this share to be worth one. */
const worthwhile = 0.02;

/** @param note is told what is being simulated. */
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
  const { draftMs, link, pass, slotCount, promptTokens, answerTokens } = question;
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
    promptTokens,
    answerTokens,
  };
}

/** The fastest for the users that were asked for; streaming where that is not worth a drafter. */
function bestOf(plans: readonly ModePlan[]): Mode {
  const speed = ({ asked }: ModePlan): number => asked.tokensPerSecond;
  const fastest = plans.reduce((best, one) => (speed(one) > speed(best) ? one : best));
  const plain = plans.find(({ mode }) => mode === 'stream');
  const isWorth = plain === undefined || speed(fastest) > (1 + worthwhile) * speed(plain);
  return isWorth ? fastest.mode : 'stream';
}
