// What the gate reads in virtual time: gains of race, what a token takes of passes, rows and messages, bytes of each
// scheme. The shipped cores on a still link; one seed gives the same numbers everywhere.

import { exact } from '../../src/math/estimate.js';
import type { PassCost } from '../../src/math/pass-time.js';
import { mean } from '../../src/math/statistics.js';
import { type Mode, type Scheme, schemes } from '../../src/protocol/frame.js';
import {
  delayLink,
  type Service,
  type ServiceFigures,
  simulateService,
} from '../../src/sim/index.js';
import { serverProfiles } from '../../src/sim/profiles/server-profiles.js';
import type { Probe } from './gate.js';
import type { GateReading } from './judge.js';

/** Arithmetic of another platform may turn a tie; the shipped rules may not move a number so far. */
const tolerance = 0.01;
const seeds = [1, 2, 3, 4];
/** Accepts about seven drafts of ten. */
const divergence = 0.25;

interface Place {
  readonly deviceCount: number;
  readonly roundTripMs: number;
  readonly pass: PassCost;
}

const { memory, compute } = serverProfiles;
const places: Readonly<Record<string, Place>> = {
  'one device, round trip 5 ms': { deviceCount: 1, roundTripMs: 5, pass: memory.pass },
  'one device, round trip 50 ms': { deviceCount: 1, roundTripMs: 50, pass: memory.pass },
  'eight devices, round trip 20 ms': { deviceCount: 8, roundTripMs: 20, pass: memory.pass },
  'four devices, bound by arithmetic': { deviceCount: 4, roundTripMs: 20, pass: compute.pass },
};

function serviceOf({ deviceCount, roundTripMs, pass }: Place, mode: Mode, scheme: Scheme): Service {
  const link = delayLink(roundTripMs / 2, 70);
  return {
    deviceCount,
    devices: [{ name: 'device', share: 1, draftMs: 8, divergence, link }],
    scheme,
    mode,
    stopRule:
      mode === 'stop-and-wait'
        ? { kind: 'fixed', draftLengthMax: 4 }
        : { kind: 'adaptive', draftLengthMax: 16 },
    pass,
    passNoise: 0,
    slotCount: deviceCount,
    staticBatch: null,
    promptTokens: 8,
    answerTokens: 128,
  };
}

const play = (place: Place, mode: Mode, scheme: Scheme = 'coupled'): ServiceFigures[] =>
  seeds.map((seed) => simulateService(serviceOf(place, mode, scheme), seed));

const meanOf = (runs: readonly ServiceFigures[], of: (run: ServiceFigures) => number): number =>
  mean(runs.map(of));

const tokenMsOf = ({ tokenMs }: ServiceFigures): number => mean(tokenMs);

const reading = (id: string, title: string, value: number, isMoreBetter = false): GateReading => ({
  id,
  title,
  value: exact(value),
  isMoreBetter,
});

const probe = (name: string, read: () => readonly GateReading[]): Probe => ({
  name,
  isExact: true,
  tolerance,
  read: () => Promise.resolve(read()),
});

/** Race in one place: its gain, and what its tokens take. */
function placeProbe(name: string, place: Place): Probe {
  return probe(`race in virtual time: ${name}`, () => {
    const raced = play(place, 'race');
    const speed = meanOf(play(place, 'stream'), tokenMsOf) / meanOf(raced, tokenMsOf);
    const of = (what: string, title: string, value: number): GateReading =>
      reading(`${what}: ${name}`, `${title}, ${name}`, value);
    return [
      reading(`speed: ${name}`, `race / streaming, ${name}`, speed, true),
      of(
        'passes',
        'passes a token',
        meanOf(raced, ({ passes }) => passes),
      ),
      of(
        'rows',
        'rows a token',
        meanOf(raced, ({ rows }) => rows),
      ),
      of(
        'messages',
        'messages up a token',
        meanOf(raced, ({ upMessages }) => upMessages),
      ),
    ];
  });
}

/** Rounds of four drafts under one scheme: bytes and messages each way. */
function schemeProbe(scheme: Scheme): Probe {
  return probe(`bytes of ${scheme} in virtual time`, () => {
    const runs = play(places['one device, round trip 5 ms']!, 'stop-and-wait', scheme);
    const counts = {
      'bytes up': meanOf(runs, ({ upBytes }) => upBytes),
      'bytes down': meanOf(runs, ({ downBytes }) => downBytes),
      'messages up': meanOf(runs, ({ upMessages }) => upMessages),
    };
    return Object.entries(counts).map(([what, value]) =>
      reading(`${what}: ${scheme}`, `${what} a token, ${scheme}`, value),
    );
  });
}

export const virtualProbes: readonly Probe[] = [
  ...Object.entries(places).map(([name, place]) => placeProbe(name, place)),
  ...schemes.map(schemeProbe),
];
