// Says which ids of a token log stand for parts of images. They begin above every vocabulary, so no
// word is ever taken for a part of an image.

/** First id of an image's tokens; ids of words are below. */
export const firstImageToken = 2 ** 30;
/** Ids of images are below. */
export const imageTokenEnd = 2 ** 31;

/** Whether an id stands for a part of an image. */
export const isImageToken = (token: number): boolean => token >= firstImageToken;
