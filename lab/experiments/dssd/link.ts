// Holds the arithmetic of time.ts against the real loop: server process, emulated link with a
// bandwidth, a device that drafts with the bundled model. Speeds of the same text, turn by turn.

import { loadLlamaEngine } from '../../../src/engine/llama/index.js';
import { medianEstimate } from '../../../src/math/estimate.js';
import { carryMs, evenLink, type LinkShape } from '../../../src/sim/profiles/link-profiles.js';
import { storyPrompt } from '../../bundled-texts.js';
import { type TimedAnswer, write } from '../../loop/fleet.js';
import { LoopFixture, llamaServer } from '../../loop/loop-fixture.js';
import type { BenchModels } from '../../weights/bench-models.js';
import { dssdSampling, schemeVariants } from './rounds.js';

/** The relay sees messages with their WebSocket frames, and none of the layers below. */
const frameBytes = 8;
const draftLength = 4;
const tokensMax = 48;
/** Stop-and-wait as papers' devices do it: a fixed draft, and no room ahead of it. */
const plainRounds = {
  mode: 'stop-and-wait',
  windowMax: draftLength,
  stopRule: { kind: 'fixed', draftLengthMax: draftLength },
} as const;

const links: readonly LinkShape[] = [evenLink(20, 10), evenLink(50, 1)];
const checked = schemeVariants.filter(({ cut, scheme }) => cut === null && scheme !== 'greedy');

/** @param passMs emulated, longer than the bundled target takes. */
export async function checkLoop(
  models: BenchModels,
  passMs: number,
  turns: number,
  note: (line: string) => void,
) {
  const options = { modelPath: models.target(), contextLength: 512, slotCount: 2 };
  const load = { contextLength: 512, threads: 1, probe: false };
  const engine = await loadLlamaEngine({ ...load, modelPath: models.draft() });
  const { vocabulary } = engine.info;
  const server = llamaServer(options, { pace: { passMs, rowMs: 0 } });
  const loop = await LoopFixture.open(server, vocabulary, links[0]!);
  const rows = [];
  for (const link of links) {
    loop.link = link;
    const device = await loop.connect({ kind: 'engine', engine });
    for (const { name, scheme } of checked) {
      const ratios: number[] = [];
      const speeds: number[] = [];
      for (let turn = 0; turn < turns; turn++) {
        const task = {
          ...{ prompt: storyPrompt(vocabulary, turn), seed: BigInt(turn), tokensMax },
          ...{ scheme, sampling: dssdSampling(scheme, 40), ...plainRounds },
        };
        const drafted = await write(device, task);
        const stream = await write(device, { ...task, mode: 'stream' });
        ratios.push(drafted.tokenMs / predictedMs(drafted, stream, link));
        speeds.push(stream.tokenMs / drafted.tokenMs);
      }
      rows.push({
        ...{ scheme: name, roundTripMs: link.roundTripMs, mbps: link.upMbps },
        // Milliseconds a token in the loop over those that the arithmetic gives from its counts.
        ofForetold: medianEstimate(ratios),
        ofStreaming: medianEstimate(speeds),
      });
      note(`${name}, round trip ${link.roundTripMs} ms, ${link.upMbps} Mbit/s: checked`);
    }
    await loop.disconnect();
  }
  await loop.close();
  await engine.close();
  return rows;
}

/** Milliseconds a token from what the loop counted; passes as streaming saw them. */
function predictedMs(
  { statistics, tokens }: TimedAnswer,
  stream: TimedAnswer,
  link: LinkShape,
): number {
  const { verdictCount, draftedCount, draftMs, upBytes, downBytes } = statistics;
  const bytesMs =
    carryMs(upBytes + frameBytes * verdictCount, link.upMbps) +
    carryMs(downBytes + frameBytes * verdictCount, link.downMbps);
  const roundsMs = verdictCount * (link.roundTripMs + stream.tokenMs);
  return (roundsMs + draftedCount * (draftMs ?? 0) + bytesMs) / tokens.length;
}
