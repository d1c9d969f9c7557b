#!/usr/bin/env python3
"""The check against llama.cpp's mtmd, through a shared library that exports mtmd_* and llama_* in C: image tokens of
held-out views from the exported encoder beside PyTorch's, and greedy answers of the exported pair beside PyTorch's.
Exits with 1 unless every cosine is above 0.999 and every answer is equal or parts at a near tie.
Option structs are passed as blobs of the library's own defaults, so their layouts need not be known."""
import argparse
import ctypes
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from batches import EOS, draw_view, pixels_of
from evaluate import TOKENS_MAX, answer, rows_of
from pair import load, run_texts
from render import PALETTE, SIDE
from tasks import draw_task

SEED, COSINE_MIN = 10**9 + 1, 0.999
TIE_MAX = 0.05  # logits; F16 image tokens move a logit by about 0.01


class Options(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_char * 512)]


class Text(ctypes.Structure):
    """mtmd_input_text. Without `length`, as in older revisions, its first byte reads as add_special."""

    _fields_ = [
        ("text", ctypes.c_char_p), ("length", ctypes.c_size_t), ("special", ctypes.c_bool), ("parse", ctypes.c_bool),
    ]


def open_library(path):
    """Symbols are resolved when they are called (RTLD_LAZY), because a Node addon wants some that only Node has; ctypes
    alone would ask for all of them at once."""
    opener = ctypes.CDLL(None)
    opener.dlopen.restype = ctypes.c_void_p
    handle = opener.dlopen(str(path).encode(), 1)
    if not handle:
        opener.dlerror.restype = ctypes.c_char_p
        raise OSError(opener.dlerror().decode())
    return ctypes.CDLL(str(path), handle=handle)


def pointers(library, *names):
    for name in names:
        getattr(library, name).restype = ctypes.c_void_p


class Mtmd:
    """The library with a model and an encoder in it."""

    def __init__(self, path, model, encoder):
        self.library = library = open_library(path)
        pointers(
            library, "llama_model_load_from_file", "mtmd_init_from_file", "mtmd_bitmap_init", "mtmd_input_chunks_init",
            "mtmd_input_chunks_get", "mtmd_get_output_embd", "llama_init_from_model",
        )
        library.mtmd_input_chunks_size.restype = library.mtmd_input_chunk_get_n_tokens.restype = ctypes.c_size_t
        for name in ("llama_model_default_params", "llama_context_default_params", "mtmd_context_params_default"):
            getattr(library, name).restype = Options
        library.llama_batch_get_one.restype = Options
        library.llama_get_logits_ith.restype = ctypes.POINTER(ctypes.c_float)
        library.mtmd_default_marker.restype = ctypes.c_char_p
        library.llama_backend_init()
        options = library.llama_model_default_params()
        self.model = ctypes.c_void_p(library.llama_model_load_from_file(str(model).encode(), options))
        if not self.model:
            raise RuntimeError("the library does not load the model")
        options = library.mtmd_context_params_default()
        self.context = ctypes.c_void_p(library.mtmd_init_from_file(str(encoder).encode(), self.model, options))
        if not self.context:
            raise RuntimeError("the library does not load the encoder")
        self.width = library.llama_model_n_embd(self.model)

    def chunks_of(self, pixels, prompt):
        """The prompt's chunks: <s>, the image uint8 [side, side, 3], the text."""
        library = self.library
        bitmap = ctypes.c_void_p(library.mtmd_bitmap_init(SIDE, SIDE, np.ascontiguousarray(pixels).tobytes()))
        line = library.mtmd_default_marker() + prompt.encode()
        chunks, text = ctypes.c_void_p(library.mtmd_input_chunks_init()), Text(line, len(line), True, True)
        if library.mtmd_tokenize(self.context, chunks, ctypes.byref(text), ctypes.byref(bitmap), ctypes.c_size_t(1)):
            raise RuntimeError("mtmd_tokenize failed")
        return chunks

    def image_tokens(self, chunks):
        """float32 [tokens, width] of the image chunk."""
        library = self.library
        count = library.mtmd_input_chunks_size(chunks)
        parts = [ctypes.c_void_p(library.mtmd_input_chunks_get(chunks, ctypes.c_size_t(at))) for at in range(count)]
        image = next(part for part in parts if library.mtmd_input_chunk_get_type(part) == 1)
        tokens = library.mtmd_input_chunk_get_n_tokens(image)
        if library.mtmd_encode_chunk(self.context, image):
            raise RuntimeError("mtmd_encode_chunk failed")
        output = ctypes.cast(library.mtmd_get_output_embd(self.context), ctypes.POINTER(ctypes.c_float))
        return np.ctypeslib.as_array(output, (tokens, self.width)).copy()

    def answer(self, chunks, tokens_max):
        """Greedy tokens up to </s>, which is left out."""
        library, past, out = self.library, ctypes.c_int32(0), []
        decoder = ctypes.c_void_p(library.llama_init_from_model(self.model, library.llama_context_default_params()))
        failed = library.mtmd_helper_eval_chunks(
            self.context, decoder, chunks, ctypes.c_int32(0), ctypes.c_int32(0), ctypes.c_int32(64),
            ctypes.c_bool(True), ctypes.byref(past),
        )
        while not failed and len(out) < tokens_max:
            logits = np.ctypeslib.as_array(library.llama_get_logits_ith(decoder, ctypes.c_int32(-1)), (512,))
            token = ctypes.c_int32(int(logits.argmax()))
            if token.value == EOS:
                break
            out.append(token.value)
            failed = library.llama_decode(decoder, library.llama_batch_get_one(ctypes.byref(token), ctypes.c_int32(1)))
        library.llama_free(decoder)
        if failed:
            raise RuntimeError("decoding failed")
        return out


def parting(model, image, prompt, first, second):
    """None where both answers are equal, else how far PyTorch's two best logits are apart where they part."""
    if first == second:
        return None
    equal = next(at for at, (a, b) in enumerate(zip([*first, EOS], [*second, EOS])) if a != b)
    with torch.no_grad():
        prefix = model.prefix(model.encoder.patches(pixels_of(image[None])))
        hidden = run_texts(model.llama, prefix, rows_of([prompt + first[:equal]]))
        best = model.llama.head(hidden[0, -1]).topk(2).values
    return (best[0] - best[1]).item()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", required=True, help="shared library, such as index.node of a llama.cpp binding")
    parser.add_argument("--checkpoint", required=True, help="target.pt")
    parser.add_argument("--model", required=True, type=Path, help="robot-target-*.gguf")
    parser.add_argument("--encoder", required=True, type=Path, help="robot-encoder-*.gguf")
    parser.add_argument("--tokenizer", required=True, help="tokenizer.model")
    parser.add_argument("--views", type=int, default=12)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = load(arguments.checkpoint)[0].eval()
    processor = sentencepiece.SentencePieceProcessor(model_file=arguments.tokenizer)
    mtmd = Mtmd(arguments.library, arguments.model, arguments.encoder)
    rng, lowest, equal, ties = np.random.default_rng(SEED), 1.0, 0, []
    for at in range(arguments.views):
        room, _, image, _, sights = draw_view(rng)
        prompt, _ = draw_task(rng, room, sights, ("action", "question", "description")[at % 3])
        chunks = mtmd.chunks_of(PALETTE[image], prompt + "\n")
        theirs = torch.from_numpy(mtmd.image_tokens(chunks))
        with torch.no_grad():
            ours = model.encoder(pixels_of(image[None]))[0]
        if ours.shape != theirs.shape:
            raise RuntimeError(f"{tuple(theirs.shape)} image tokens instead of {tuple(ours.shape)}")
        lowest = min(lowest, torch.cosine_similarity(ours, theirs, dim=-1).min().item())
        answers = answer(model, processor, [image], [prompt])[0], mtmd.answer(chunks, TOKENS_MAX)
        gap = parting(model, image, processor.encode(prompt + "\n"), *answers)
        equal += gap is None
        ties += [] if gap is None else [round(gap, 4)]
    print(f"image tokens of {arguments.views} views: lowest cosine {lowest:.6f}")
    print(f"greedy answers: {equal} of {arguments.views} equal; PyTorch's two best logits where others part: {ties}")
    raise SystemExit(not (lowest > COSINE_MIN and max(ties, default=0) <= TIE_MAX))


if __name__ == "__main__":
    main()
