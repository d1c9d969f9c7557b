// What a token costs: energy on the device that drafts, and money for the server that verifies, from profiles of both and
// the work that the shipped cores do in virtual time.

import type { Estimate } from '../../src/math/estimate.js';
import { exact, scaled } from '../../src/math/estimate.js';
import { divergenceFor } from '../../src/sim/index.js';
import {
  type DeviceName,
  deviceProfiles,
  draftMsOf,
} from '../../src/sim/profiles/device-profiles.js';
import { linkProfiles } from '../../src/sim/profiles/link-profiles.js';
import {
  dollarsPerMillion,
  priceProfiles,
  serverProfiles,
} from '../../src/sim/profiles/server-profiles.js';
import {
  linkModelOf,
  race,
  type ServiceResult,
  serve,
  stopAndWait,
  stream,
} from '../../src/sim/service/serve.js';
import type { Experiment, ExperimentContext } from '../report/experiment.js';
import { figure } from '../report/figures.js';
import type { Findings, Row } from '../report/result.js';

const draftMillions = 135;
const acceptance = 0.7;
const deviceCount = 16;
const costVariants = { stream, 'stop-and-wait, 4 drafted': stopAndWait(4), race } as const;
type CostVariant = keyof typeof costVariants;

interface Costed {
  readonly device: DeviceName;
  readonly way: CostVariant;
  readonly served: ServiceResult;
  /** Joules a token that drafting takes; the device's own idling is left out. */
  readonly joules: Estimate;
}

export const costExperiment: Experiment = {
  id: 'cost',
  title: 'What a token costs',
  question:
    'How much energy does a device spend on a token, and what do a million tokens cost on the server?',
  minutes: 1,
  run: async (context) => findingsOf(await playAll(context)),
};

async function playAll({ isQuick, seed, play, note }: ExperimentContext): Promise<Costed[]> {
  const divergence = divergenceFor(acceptance);
  const link = linkModelOf(linkProfiles['5g']);
  const seeds = Array.from({ length: isQuick ? 2 : 6 }, (_, index) => seed * 1_000 + index);
  const costOf = async (device: DeviceName, variant: CostVariant): Promise<Costed> => {
    const { draftWatts, ...profile } = deviceProfiles[device];
    const draftMs = draftMsOf(profile, draftMillions);
    const devices = [{ name: device, share: 1, draftMs, divergence, link }];
    const { pass } = serverProfiles.memory;
    const fixture = { deviceCount, devices, pass, answerTokens: 96, seeds };
    const served = await serve(play, fixture, costVariants[variant]);
    note(`${profile.name}, ${variant}`);
    return {
      device,
      way: variant,
      served,
      joules: scaled(served.drafted, (draftMs * draftWatts) / 1_000),
    };
  };
  const names = Object.keys(deviceProfiles) as DeviceName[];
  return Promise.all(
    names.flatMap((device) =>
      (Object.keys(costVariants) as CostVariant[]).map((variant) => costOf(device, variant)),
    ),
  );
}

/** More tokens a second cost less: the ends change places. */
function dollarsOf(
  { tokensPerSecond }: ServiceResult,
  price: keyof typeof priceProfiles,
): Estimate {
  const at = (rate: number): number => dollarsPerMillion(priceProfiles[price], rate);
  const { value, low, high } = tokensPerSecond;
  return { value: at(value), low: at(high), high: at(low) };
}

function findingsOf(costed: readonly Costed[]): Findings {
  const rows = costed.map(({ device, way: variant, served, joules }): Row => {
    const draftMs = draftMsOf(deviceProfiles[device], draftMillions);
    const values = [
      exact(draftMs),
      served.tokenMs,
      served.drafted,
      joules,
      dollarsOf(served, 'a100'),
      dollarsOf(served, 'rtx-4090'),
    ];
    return { keys: [deviceProfiles[device].name, variant], values };
  });
  return {
    claims: claimsOf(costed),
    setUp,
    tables: [
      {
        id: 'costs',
        title: `${deviceCount} devices of a kind on one server, a draft of ${draftMillions} M weights, 5G`,
        keys: [
          { name: 'device', title: 'device', unit: '' },
          { name: 'way', title: 'mode', unit: '' },
        ],
        values: [
          { name: 'draftMs', title: 'a drafted token', unit: 'ms', origin: 'calculated' },
          { name: 'tokenMs', title: 'a token', unit: 'ms', origin: 'simulated' },
          { name: 'drafted', title: 'drafted a token', unit: '', origin: 'simulated' },
          { name: 'joules', title: 'device, a token', unit: 'J', origin: 'calculated' },
          { name: 'a100', title: 'A100, 1 M tokens', unit: '$', origin: 'calculated' },
          { name: 'rtx4090', title: 'RTX 4090, 1 M tokens', unit: '$', origin: 'calculated' },
        ],
        rows,
        isShown: true,
      },
    ],
    plots: [
      {
        id: 'trade',
        title: 'Energy on the device against money on the server (A100)',
        table: 'costs',
        spec: tradeSpec,
      },
    ],
    papers,
    notes,
  };
}

function claimsOf(costed: readonly Costed[]): Findings['claims'] {
  const orin = (variant: CostVariant): Costed =>
    costed.find((one) => one.device === 'orin-nano' && one.way === variant)!;
  const dollars = (variant: CostVariant): string =>
    figure(dollarsOf(orin(variant).served, 'a100').value);
  return [
    {
      id: 'trade',
      text:
        `With 16 Jetson Orin Nano Super on a server bound by memory, race costs ${figure(orin('race').joules.value)} J a token on the ` +
        `device and $${dollars('race')} a million tokens on an A100 that is kept busy; stop-and-wait ` +
        `${figure(orin('stop-and-wait, 4 drafted').joules.value)} J and $${dollars('stop-and-wait, 4 drafted')}; streaming nothing and ` +
        `$${dollars('stream')}.`,
    },
  ];
}

const setUp: Findings['setUp'] = [
  {
    part: 'work',
    what: 'drafts, passes and times of the shipped cores in virtual time; acceptance 0.7, 96 tokens a device, all at once',
    isEmulated: false,
  },
  {
    part: 'devices',
    what: `cited speed and power of each, scaled to a draft of ${draftMillions} M weights: ${Object.values(
      deviceProfiles,
    )
      .map(
        ({ name, tokenMs, model, speedSource, draftWatts, powerSource }) =>
          `${name}: ${tokenMs} ms for ${model} (${speedSource}), ${draftWatts} W (${powerSource})`,
      )
      .join('; ')}`,
    isEmulated: true,
  },
  { part: 'target', what: 'bound by memory: 30 ms a pass and 0.07 for each row', isEmulated: true },
  {
    part: 'link',
    what: '5G: 20 ms round trip, up to 6 ms of jitter each way, 0.2 % of the messages 120 ms late',
    isEmulated: true,
  },
  {
    part: 'prices',
    what: Object.values(priceProfiles)
      .map(({ name, dollarsAnHour, source }) => `${name} $${dollarsAnHour} an hour (${source})`)
      .join('; '),
    isEmulated: true,
  },
];

const papers: Findings['papers'] = [
  {
    paper: 'SpecEdge (arXiv 2505.17052): cost efficiency of drafts at the edge',
    theirs: '1.91 times server-only',
    ours: 'the ratio of the two dollar columns of streaming and race',
    caveat:
      'theirs counts the rented edge GPU, ours no device; their baseline is speculation on the server',
  },
];

const notes = [
  'Energy is that of drafting alone: screens, radios and idling are left out, and so is what the server draws.',
  'Money is rent over tokens written by 16 devices at once; a server with fewer users costs more, one with more users less. The 4090 is given the same pass time as the A100, which no large model would.',
  'Speeds scaled by weights flatter small drafts; the figure of the Jetson Nano is from PyTorch, the others from llama.cpp.',
];

const tradeSpec = {
  width: 420,
  height: 260,
  mark: { type: 'point', filled: true, size: 90 },
  encoding: {
    x: {
      field: 'joules',
      type: 'quantitative',
      scale: { type: 'sqrt' },
      title: 'device, J a token',
    },
    y: {
      field: 'a100',
      type: 'quantitative',
      title: 'server, $ a million tokens',
      scale: { type: 'log', domain: [1, 20], nice: false },
      axis: { values: [1, 1.5, 2, 3, 5, 10, 15] },
    },
    color: { field: 'device', sort: null, title: null },
    shape: { field: 'way', sort: null, title: null },
  },
};
