// Defines what an engine needs of an encoded image.

/** Places of an image's tokens, row by row: `columns` times `rows` is their number. */
export interface ImageGrid {
  readonly columns: number;
  readonly rows: number;
}

/** An encoded image, as an engine takes it in. */
export interface ImageRows {
  /** Numbers of an embedding: the model's embedding length. */
  readonly width: number;
  /** [tokens, width] */
  readonly embeddings: Float32Array;
  /** Its tokens attend to each other in both directions. */
  readonly isNonCausal: boolean;
  /** For models that tell rows and columns of an image apart (M-RoPE); null for the others. */
  readonly grid: ImageGrid | null;
}

/** A part of an encoded picture: words around an image, such as its beginning, or an image. */
export type PicturePiece =
  | { readonly kind: 'words'; readonly ids: Int32Array }
  | ({ readonly kind: 'image' } & ImageRows);

/** What a prompt holds of a picture; some models cut one into several images. */
export interface EncodedPicture {
  /** [n >= 1] in the order of the prompt. */
  readonly pieces: readonly PicturePiece[];
}
