// Defines what an engine needs of an encoded image.

/** An encoded image, as an engine takes it in. */
export interface ImageRows {
  /** Numbers of an embedding: the model's embedding length. */
  readonly width: number;
  /** [tokens, width] */
  readonly embeddings: Float32Array;
  /** Its tokens attend to each other in both directions: such images are refused. */
  readonly isNonCausal: boolean;
  /** Its positions have a time, a row and a column (M-RoPE): such images are refused. */
  readonly usesMrope: boolean;
}
