#!/usr/bin/env python3
"""The check against llama.cpp's mtmd: image tokens of held-out views from the exported encoder, through a shared library
that exports mtmd_* and llama_* in C, beside PyTorch's. Exits with 1 unless every cosine is above 0.999.
Option structs are passed as blobs of the library's own defaults, so their layouts need not be known."""
import argparse
import ctypes
from pathlib import Path

import numpy as np
import torch
from batches import draw_view, pixels_of
from pair import load
from render import PALETTE, SIDE

SEED, COSINE_MIN = 10**9 + 1, 0.999


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
            "mtmd_input_chunks_get", "mtmd_get_output_embd",
        )
        library.mtmd_input_chunks_size.restype = library.mtmd_input_chunk_get_n_tokens.restype = ctypes.c_size_t
        library.llama_model_default_params.restype = library.mtmd_context_params_default.restype = Options
        library.mtmd_default_marker.restype = ctypes.c_char_p
        library.llama_backend_init()
        text_model = library.llama_model_load_from_file(str(model).encode(), library.llama_model_default_params())
        self.context = library.mtmd_init_from_file(
            str(encoder).encode(), ctypes.c_void_p(text_model), library.mtmd_context_params_default()
        )
        if not text_model or not self.context:
            raise RuntimeError("the library does not load the files")
        self.width = library.llama_model_n_embd(ctypes.c_void_p(text_model))

    def image_tokens(self, pixels):
        """uint8 [side, side, 3] -> float32 [tokens, width]."""
        library, context = self.library, ctypes.c_void_p(self.context)
        bitmap = ctypes.c_void_p(library.mtmd_bitmap_init(SIDE, SIDE, np.ascontiguousarray(pixels).tobytes()))
        marker = library.mtmd_default_marker() + b"Describe the scene.\n"
        chunks = ctypes.c_void_p(library.mtmd_input_chunks_init())
        text = Text(marker, len(marker), True, True)
        if library.mtmd_tokenize(context, chunks, ctypes.byref(text), ctypes.byref(bitmap), ctypes.c_size_t(1)):
            raise RuntimeError("mtmd_tokenize failed")
        count = library.mtmd_input_chunks_size(chunks)
        parts = [ctypes.c_void_p(library.mtmd_input_chunks_get(chunks, ctypes.c_size_t(at))) for at in range(count)]
        image = next(part for part in parts if library.mtmd_input_chunk_get_type(part) == 1)
        tokens = library.mtmd_input_chunk_get_n_tokens(image)
        if library.mtmd_encode_chunk(context, image):
            raise RuntimeError("mtmd_encode_chunk failed")
        output = ctypes.cast(library.mtmd_get_output_embd(context), ctypes.POINTER(ctypes.c_float))
        return np.ctypeslib.as_array(output, (tokens, self.width)).copy()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", required=True, help="shared library, such as index.node of a llama.cpp binding")
    parser.add_argument("--checkpoint", required=True, help="target.pt")
    parser.add_argument("--model", required=True, type=Path, help="robot-target-*.gguf")
    parser.add_argument("--encoder", required=True, type=Path, help="robot-encoder-*.gguf")
    parser.add_argument("--views", type=int, default=8)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    encoder = load(arguments.checkpoint)[0].encoder
    mtmd = Mtmd(arguments.library, arguments.model, arguments.encoder)
    rng, lowest, largest = np.random.default_rng(SEED), 1.0, 0.0
    for _ in range(arguments.views):
        image = draw_view(rng)[2]
        theirs = torch.from_numpy(mtmd.image_tokens(PALETTE[image]))
        with torch.no_grad():
            ours = encoder(pixels_of(image[None]))[0]
        if ours.shape != theirs.shape:
            raise RuntimeError(f"{tuple(theirs.shape)} image tokens instead of {tuple(ours.shape)}")
        lowest = min(lowest, torch.cosine_similarity(ours, theirs, dim=-1).min().item())
        largest = max(largest, ((ours - theirs).abs().max() / ours.abs().max()).item())
    print(f"{arguments.views} views: lowest cosine of a token {lowest:.6f}, largest difference {largest:.5f} of the range")
    raise SystemExit(lowest <= COSINE_MIN)


if __name__ == "__main__":
    main()
