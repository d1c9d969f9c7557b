// Checks of pictures in prompts: what a server asks for, what it keeps, and what it refuses. One
// without eyes has to refuse them all.

import type { Open, PicturePart, PictureRef } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import { versionOfPictures } from '../../protocol/version.js';
import type { ServerBench } from './bench.js';
import { type ConformanceCheck, expectThat, needs } from './conformance-check.js';
import type { ProbeLine } from './probe.js';
import {
  newPicture,
  openWith,
  refOf,
  sendPicture,
  showWanted,
  tooManyPictures,
} from './probe-pictures.js';
import { ProbeSession } from './probe-session.js';
import { refusal } from './refusal-checks.js';

/** @throws NotApplicable where the server's version has no pictures, or other eyes. */
async function needsEyes(bench: ServerBench, hasEyes = true): Promise<void> {
  const { version, seesPictures } = await bench.welcome();
  needs(version >= versionOfPictures, `version ${version} has no pictures`);
  needs(seesPictures === hasEyes, `the server ${seesPictures ? 'sees' : 'sees no'} pictures`);
}

/** A session whose prompt holds these pictures, which the server is to ask for. */
async function seeing(
  bench: ServerBench,
  files: readonly Uint8Array[],
  changes: Partial<Open> = {},
): Promise<ProbeSession> {
  await needsEyes(bench);
  await bench.offers('coupled', changes.mode ?? 'stream');
  // Not side by side: their ids may follow each other.
  const open = openWith(
    files.map((file, index) => refOf(file, index)),
    changes,
  );
  return ProbeSession.begin(await bench.greeted(), open, async (probe) => {
    const wanted = await showWanted(probe, files);
    const indexes = wanted.map(({ index }) => index).toSorted();
    const isAll = indexes.length === files.length && indexes.every((one, at) => one === at);
    expectThat(isAll, `pictures ${indexes} are wanted, of ${files.length} new ones`);
    const late = wanted.find(({ offset }) => offset > 0);
    expectThat(late === undefined, `a new picture is wanted from byte ${late?.offset} on`);
  });
}

/** Opens again with pictures that need not be sent; another frame than Opened breaks the rule. */
const beginUnasked = (probe: ProbeLine, open: Open, show?: () => void): Promise<ProbeSession> =>
  ProbeSession.begin(probe, open, async () => show?.());

async function textOf(session: ProbeSession): Promise<readonly number[]> {
  while (session.end === null) await session.verdict();
  return session.answer;
}

const sightChecks: readonly ConformanceCheck<ServerBench>[] = [
  {
    name: 'pictures',
    rule: 'new ones are wanted from their first byte, become images of the prompt, and are answered',
    async run(bench) {
      const session = await seeing(bench, [newPicture(), newPicture()]);
      const { images } = session.opened;
      expectThat(images.length >= 2, `${images.length} images for two pictures apart`);
      expectThat((await textOf(session)).length > 0, 'no token behind the pictures');
    },
  },
  {
    name: 'pictures that follow',
    rule: 'with pictures_follow the server asks for none',
    async run(bench) {
      await needsEyes(bench);
      const file = newPicture();
      const probe = await bench.greeted();
      const open = openWith([refOf(file)], { picturesFollow: true });
      const { opened } = await beginUnasked(probe, open, () => sendPicture(probe, file));
      expectThat(opened.images.length > 0, 'no image in the prompt');
    },
  },
  {
    name: 'picture held',
    rule: 'one that an open session of the key holds is not wanted again',
    async run(bench) {
      const file = newPicture();
      const { probe, opened } = await seeing(bench, [file], { mode: 'stop-and-wait' });
      const again = await beginUnasked(probe, openWith([refOf(file)], { session: 1 }));
      const countOf = ({ images }: typeof opened): number =>
        images.reduce((sum, { count }) => sum + count, 0);
      const [first, second] = [countOf(opened), countOf(again.opened)];
      expectThat(first === second, `${second} tokens of an image, ${first} the first time`);
    },
  },
  {
    name: 'picture cut',
    rule: 'an upload that a lost connection has cut goes on where PicturesWanted says',
    async run(bench) {
      await needsEyes(bench);
      const file = newPicture();
      const to = Math.floor(file.length / 2);
      const first = await bench.greeted();
      first.send(openWith([refOf(file)]));
      await first.next('pictures-wanted');
      sendPicture(first, file, { to });
      await first.isAlive();
      first.close();
      await first.closed();
      const open = openWith([refOf(file)]);
      await ProbeSession.begin(await bench.greeted(), open, async (probe) => {
        const [want] = await showWanted(probe, [file]);
        expectThat(want!.offset <= to, `wanted from ${want!.offset} on, where ${to} were sent`);
      });
    },
  },
  {
    name: 'picture resumed',
    rule: 'Resume needs no pictures: their ids count in its hash',
    async run(bench) {
      const session = await seeing(bench, [newPicture()], { mode: 'stop-and-wait' });
      session.draft([]);
      await session.verdict();
      session.probe.close();
      await session.resume(await bench.greeted());
      session.draft([]);
      await session.verdict();
    },
  },
  {
    name: 'picture, answer so far',
    rule: 'an Open with messages, pictures and an answer writes its rest',
    async run(bench) {
      const file = newPicture();
      const text = await textOf(await seeing(bench, [file]));
      needs(text.length > 1, 'the answer is one token');
      const answer = Int32Array.from(text.slice(0, Math.ceil(text.length / 2)));
      const probe = await bench.greeted();
      const open = openWith([refOf(file)], { answer, picturesFollow: true });
      const rest = await textOf(await beginUnasked(probe, open, () => sendPicture(probe, file)));
      const isSame = rest.length === text.length && rest.every((one, at) => one === text[at]);
      expectThat(isSame, 'another text after the answer so far');
    },
  },
];

type Part = Pick<PicturePart, 'index' | 'offset' | 'data'>;

/**
 * Announces a picture, and sends what has to be refused once it is wanted.
 *
 * @param of the parts of a new picture: a server keeps a while what it has of others.
 */
const showing =
  (of: (file: Buffer) => readonly Part[], announce: (file: Buffer) => PictureRef = refOf) =>
  async (bench: ServerBench): Promise<ProbeLine> => {
    await needsEyes(bench);
    const probe = await bench.greeted();
    const file = newPicture();
    probe.send(openWith([announce(file)]));
    await probe.next('pictures-wanted');
    for (const part of of(file)) probe.send({ kind: 'picture-part', session: 0, ...part });
    return probe;
  };

const whole = (data: Buffer): readonly Part[] => [{ index: 0, offset: 0, data }];
const cut = (data: Buffer): Buffer => data.subarray(0, -20);
const begin = (data: Buffer): Part => ({ index: 0, offset: 0, data: data.subarray(0, 100) });

/** Sends an Open that is refused before any picture is wanted. */
const opening =
  (open: Open, hasEyes = true) =>
  async (bench: ServerBench): Promise<ProbeLine> => {
    await needsEyes(bench, hasEyes);
    const probe = await bench.greeted();
    probe.send(open);
    return probe;
  };

const { pictureBytes, pictures } = limits;
const some = refOf(newPicture());
const longest = { ...some, bytes: pictureBytes.value };
const inText: Open = openWith([some], { prompt: { kind: 'text', text: 'What is it?' } });
const inLetter: Open = openWith([{ ...some, at: 1 }], {
  prompt: { kind: 'messages', messages: [{ role: 'user', content: 'é' }] },
});
const other = Buffer.from('<svg/>'.repeat(20));

const refusedPictures: readonly ConformanceCheck<ServerBench>[] = [
  refusal('picture-unseen', 'a picture for no eyes', opening(openWith([some]), false)),
  refusal(
    'picture-invalid',
    'bytes of another hash',
    showing(whole, (file) => ({ ...refOf(file), hash: some.hash })),
  ),
  refusal(
    'picture-invalid',
    'a truncated picture',
    showing(
      (file) => whole(cut(file)),
      (file) => refOf(cut(file)),
    ),
  ),
  refusal(
    'picture-invalid',
    'a file that is no picture',
    showing(
      () => whole(other),
      () => refOf(other),
    ),
  ),
  refusal(
    'picture-invalid',
    'a part that leaves a gap',
    showing((file) => [{ ...begin(file), offset: 100 }]),
  ),
  refusal(
    'picture-invalid',
    'a part that comes twice',
    showing((file) => [begin(file), begin(file)]),
  ),
  refusal(
    'picture-invalid',
    'a part of a picture that was not announced',
    showing((file) => [{ ...begin(file), index: 1 }]),
  ),
  refusal(
    'picture-too-large',
    'bytes beyond the announced ones',
    showing(whole, (file) => ({ ...refOf(file), bytes: 100 })),
  ),
  refusal('picture-invalid', 'a place within a letter', opening(inLetter)),
  refusal('frame-malformed', 'a picture in a prompt of text', opening(inText), null),
  refusal('picture-too-large', `${pictures.value + 1} pictures`, async (bench) => {
    await needsEyes(bench);
    const probe = await bench.greeted();
    probe.sendBytes(tooManyPictures(some));
    return probe;
  }),
  refusal(
    'picture-too-large',
    'a picture beyond its limit',
    opening(openWith([{ ...longest, bytes: pictureBytes.value + 1 }])),
  ),
  refusal(
    'picture-too-large',
    'pictures beyond their limit together',
    opening(openWith([longest, longest, longest])),
  ),
];

export const pictureChecks: readonly ConformanceCheck<ServerBench>[] = [
  ...sightChecks,
  ...refusedPictures,
];
