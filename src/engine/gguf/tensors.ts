// Checks the tensor list for types that llama.cpp refuses only when it computes. The probe of
// src/engine/llama finds wrong sizes. Source: the operators of llama.cpp v0.5.0, tried one type at
// a time.

import type { GgufTensor, TensorType } from './format.js';
import { demand, quoted, refuseModel } from './model-error.js';

/** Types for intermediate results, and numbers that are not weights. */
const notWeights = new Set<TensorType>(['Q8_1', 'Q8_K', 'I8', 'I16', 'I32', 'I64', 'F64']);

/** @throws PilotfishError `model-malformed` or `model-unsupported`, naming the tensor. */
export function checkTensors(tensors: readonly GgufTensor[]): void {
  if (tensors.length === 0) {
    refuseModel('model-unsupported', 'the file has no tensors: it holds a vocabulary, not a model');
  }
  for (const tensor of tensors) checkType(tensor);
}

/** Token ids that pick an expert, in the only model that has such a table. */
const isTable = /\.ffn_gate_tid2eid\./;
/** The gate of a shared expert: a matrix of one row, often stored as a vector. */
const isGate = /\.ffn_gate_inp_shexp\./;
/** Tensors added or multiplied element by element; these operators take F32 only. */
const isElementwise = /(norm\.weight|\.bias)$/;

function checkType({ name, dims, type }: GgufTensor): void {
  const isVector = dims.slice(1).every((dim) => dim === 1) && !isGate.test(name);
  if (isVector || isElementwise.test(name)) {
    const kind = isVector ? 'a vector' : 'a norm or a bias';
    demand(type === 'F32', `tensor ${quoted(name)} is ${kind} of type ${type}, must be F32`);
  } else if (!isTable.test(name)) {
    demand(!notWeights.has(type), `tensor ${quoted(name)} has type ${type}, not a type of weights`);
  }
}
