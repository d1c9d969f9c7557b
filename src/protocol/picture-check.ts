// Checks what frames say of pictures: places, lengths, and the ids that stand for them.

import { firstImageToken, imageTokenEnd } from '../base/image-token.js';
import { complaint, range, within } from './complaints.js';
import type { Open, Opened, PicturePart, PicturesWanted } from './frame.js';
import { limits, u32Max } from './limits.js';
import type { Complaint } from './wire-reader.js';

export function checkPictures({ prompt, pictures }: Open): Complaint | null {
  if (pictures.length === 0) return null;
  if (prompt.kind !== 'messages') {
    return complaint(
      'frame-malformed',
      `${pictures.length} pictures in a prompt of ${prompt.kind}`,
    );
  }
  let all = 0;
  let last = { message: 0, at: 0 };
  for (const { message, at, bytes } of pictures) {
    const bad =
      within('bytes of a picture', bytes, 'pictureBytes', 1) ??
      range('message of a picture', message, last.message, prompt.messages.length - 1) ??
      // Several may stand in one place.
      range('place of a picture', at, message === last.message ? last.at : 0, u32Max);
    if (bad !== null) return bad;
    all += bytes;
    last = { message, at };
  }
  return within('bytes of all pictures', all, 'picturesBytes');
}

export function checkPicturePart({ index, offset, data }: PicturePart): Complaint | null {
  return (
    range('index of a picture', index, 0, limits.pictures.value - 1) ??
    within('bytes of a part', data.length, 'partBytes', 1) ??
    within('end of a part', offset + data.length, 'pictureBytes')
  );
}

export function checkPicturesWanted({ wanted }: PicturesWanted): Complaint | null {
  const indexes = new Set(wanted.map(({ index }) => index));
  if (indexes.size !== wanted.length || wanted.length === 0) {
    return complaint('frame-malformed', `${wanted.length} wishes for ${indexes.size} pictures`);
  }
  for (const { index, offset } of wanted) {
    const bad =
      range('index of a picture', index, 0, limits.pictures.value - 1) ??
      within('offset', offset, 'pictureBytes');
    if (bad !== null) return bad;
  }
  return null;
}

/** Images of Opened: within the prompt, apart from each other, with ids beyond every vocabulary. */
export function checkImages({ images, promptLength, promptIds }: Opened): Complaint | null {
  let free = 0;
  for (const { from, count, firstId } of images) {
    const bad =
      range('tokens of an image', count, 1, promptLength) ??
      range('place of an image', from, free, promptLength - count) ??
      range('id of an image', firstId, firstImageToken, imageTokenEnd - count);
    if (bad !== null) return bad;
    free = from + count;
    if (promptIds.length > 0 && promptIds.subarray(from, free).some((id) => id !== 0)) {
      return complaint('frame-malformed', `ids of words where an image stands, from ${from} on`);
    }
  }
  return null;
}
