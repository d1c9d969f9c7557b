// Times our codec against protobuf's generated code on the same frames, interleaved in one process, and prints ratios.
// Usage: node tools/protocol-speed.mjs [dist folder]

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';

const dist = resolve(process.argv[2] ?? 'dist');
const load = (path) => import(pathToFileURL(`${dist}/protocol/${path}`).href);
const { encodeFrame, decodeDeviceFrame, decodeServerFrame } = await load('codec.js');
const { FrameSchema } = await load('generated/pilotfish_pb.js');
const { vectors } = await load('vectors.suite.js');

const vectorOf = (title) => vectors.find((vector) => vector.title.startsWith(title)).frame;
const denseDraft = {
  ...vectorOf('no drafts'),
  ids: Int32Array.of(1),
  laws: [{ kind: 'dense', probs: new Float64Array(151_936).fill(1 / 151_936) }],
};
const subjects = [
  ['draft of 4 ids', vectorOf('four tokens'), decodeDeviceFrame, 20_000],
  ['verdict', vectorOf('three of four'), decodeServerFrame, 20_000],
  ['draft with a law of 151936', denseDraft, decodeDeviceFrame, 5],
];

/** The message as the generated code wants it from a caller: plain values, copied each time. */
function initOf(message) {
  const { case: name, value } = message.kind;
  return { kind: { case: name, value: { ...value } } };
}

/** Processor time, so that other work on the machine does not count. */
function secondsOf(work, count) {
  const started = process.cpuUsage();
  for (let turn = 0; turn < count; turn++) work();
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1e6;
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

for (const [name, frame, decode, count] of subjects) {
  const bytes = encodeFrame(frame);
  const init = initOf(fromBinary(FrameSchema, bytes));
  const works = {
    encode: () => encodeFrame(frame),
    'generated encode': () => toBinary(FrameSchema, create(FrameSchema, init)),
    decode: () => decode(bytes),
    'generated decode': () => fromBinary(FrameSchema, bytes),
  };
  const seconds = Object.fromEntries(Object.keys(works).map((key) => [key, []]));
  for (let round = 0; round < 15; round++) {
    for (const [key, work] of Object.entries(works)) seconds[key].push(secondsOf(work, count));
  }
  const microseconds = (key) => (median(seconds[key].slice(3)) / count) * 1e6;
  const line = ['encode', 'decode'].map((key) => {
    const [ours, theirs] = [microseconds(key), microseconds(`generated ${key}`)];
    return `${key} ${ours.toFixed(2)} us (generated ${theirs.toFixed(2)}, ratio ${(ours / theirs).toFixed(2)})`;
  });
  console.log(`${name}, ${bytes.length} bytes: ${line.join(', ')}`);
}
