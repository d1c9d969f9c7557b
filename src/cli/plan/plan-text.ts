// Writes a plan for people: the set-up, two tables, and advice.

import { formatBytes, formatDuration, formatPlain, formatShare } from '../screen/numbers.js';
import { formatTable } from '../screen/table.js';
import type { Paint } from '../screen/terminal.js';
import type { CapacityPlan, Load, ModePlan } from './capacity-plan.js';
import type { PlanQuestion } from './question.js';

/** Text without a final line break. */
export function planText(question: PlanQuestion, plan: CapacityPlan, paint: Paint): string {
  return [
    paint('bold', 'One server and equal devices: shipped cores in virtual time (simulated)'),
    formatTable(question.setUp, { indent: '  ' }),
    '',
    paint('bold', `${usersText(question.users)} at once`),
    askedTable(plan),
    '',
    paint('bold', mostTitle(question)),
    mostTable(question, plan),
    '',
    ...advice(question, plan),
  ].join('\n');
}

const usersText = (users: number): string => (users === 1 ? 'One user' : `${users} users`);

const mostTitle = ({ tokensPerSecond }: PlanQuestion): string =>
  `Most users at once, with at least ${formatPlain(tokensPerSecond)} tokens/s for 95 % of them`;

const rightBut = (count: number) =>
  ['left', ...Array.from({ length: count }, () => 'right')] as ('left' | 'right')[];

function askedTable({ modes }: CapacityPlan): string {
  const head = ['mode', 'tokens/s', 'slowest 5 %', 'first token', 'drafts', 'B/token', 'J/token'];
  const rows = modes.map(({ mode, asked }) => [
    mode,
    formatPlain(asked.tokensPerSecond),
    formatPlain(asked.tokensPerSecondLow),
    formatDuration(asked.firstTokenMs),
    draftsText(asked),
    formatBytes(asked.bytesPerToken),
    formatPlain(asked.joulesPerToken),
  ]);
  return formatTable([head, ...rows], { indent: '  ', align: rightBut(6) });
}

function mostTable({ activeShare }: PlanQuestion, { modes }: CapacityPlan): string {
  const isShared = activeShare < 1;
  const head = [
    'mode',
    'users',
    ...(isShared ? ['devices'] : []),
    'total tokens/s',
    'server busy',
    'drafts',
    '$/million',
  ];
  const rows = modes.map((one) => [
    one.mode,
    countText(one.usersMost, one.isMore),
    ...(isShared ? [countText(one.devicesMost, one.isMore)] : []),
    ...(one.atMost === null ? [] : loadCells(one.atMost)),
  ]);
  return formatTable([head, ...rows], { indent: '  ', align: rightBut(head.length - 1) });
}

const loadCells = (load: Load): string[] => [
  formatPlain(load.serverTokensPerSecond),
  formatShare(load.busyShare),
  draftsText(load),
  load.dollarsPerMillion.toFixed(2),
];

const countText = (count: number, isMore: boolean): string => `${count}${isMore ? ' or more' : ''}`;
const draftsText = ({ draftLength, acceptedShare }: Load): string =>
  acceptedShare === null ? '-' : draftLength.toFixed(1);

function advice(question: PlanQuestion, plan: CapacityPlan): string[] {
  const best = plan.modes.find(({ mode }) => mode === plan.best)!;
  const stream = plan.modes.find(({ mode }) => mode === 'stream');
  return [
    ...bestLines(question, best, stream),
    ...mostLines(plan.modes),
    ...(best.asked.tokensPerSecondLow < question.tokensPerSecond
      ? [
          `No mode gives ${usersText(question.users).toLowerCase()} the wanted speed: the best gives ${formatPlain(best.asked.tokensPerSecondLow)} tokens/s.`,
        ]
      : []),
  ];
}

function bestLines(
  { users }: PlanQuestion,
  best: ModePlan,
  stream: ModePlan | undefined,
): string[] {
  const whom = usersText(users).toLowerCase();
  if (best.mode === 'stream') {
    return [`For ${whom}, stream: no mode with drafts is more than 2 % faster here.`];
  }
  const gain = stream && best.asked.tokensPerSecond / stream.asked.tokensPerSecond;
  const than = gain === undefined ? '' : `: ${gain.toFixed(2)} times the speed of streaming`;
  const name = best.mode === 'auto' ? 'auto, the default' : `--mode ${best.mode}`;
  return [`For ${whom}, ${name}${than}.`];
}

function mostLines(modes: readonly ModePlan[]): string[] {
  const most = Math.max(...modes.map(({ usersMost }) => usersMost));
  if (most === 0) return [];
  const first = modes.filter(({ usersMost }) => usersMost === most);
  const count = countText(most, first[0]!.isMore);
  if (first.length === modes.length) return [`Every mode carries ${count}.`];
  const names = first.map(({ mode }) => mode).join(' and ');
  return [`${names} ${first.length === 1 ? 'carries' : 'carry'} the most users: ${count}.`];
}
