#!/usr/bin/env python3
"""Writes the checkpoints as GGUF files: language model and draft of the llama architecture, and the encoder as an
"mmproj" file of projector type nemotron_v2_vl. F16 matrices, F32 the rest; stock llama.cpp loads all three."""
import argparse
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from encoder import Encoder, EncoderConfig
from gguf import (
    ALIGNMENT, ARRAY, BOOL, F32, STRING, U32, read_gguf, read_model, vocabulary_entries, write_gguf, write_model,
)
from pair import Pair, load

LICENCE = "apache-2.0"  # this project's
# A prompt is the marker of the image, the text and a line break, as in training.
CHAT_TEMPLATE = "{% for message in messages %}{{ message['content'] }}{{ '\\n' }}{% endfor %}"
BLOCK_PARTS = {
    "ln1": "ln1", "attn_q": "q", "attn_k": "k", "attn_v": "v", "attn_out": "out", "ln2": "ln2", "ffn_gate": "gate",
    "ffn_up": "up", "ffn_down": "down",
}


def encoder_entries(c, name):
    size = lambda key, value: (f"clip.vision.{key}", U32, value)
    return [
        ("general.architecture", STRING, "clip"), ("general.type", STRING, "mmproj"), ("general.name", STRING, name),
        ("general.license", STRING, LICENCE), ("general.file_type", U32, 1), ("general.alignment", U32, ALIGNMENT),
        ("general.quantization_version", U32, 2),
        ("clip.has_vision_encoder", BOOL, True), ("clip.projector_type", STRING, "nemotron_v2_vl"),
        ("clip.use_silu", BOOL, True), ("clip.use_gelu", BOOL, False),
        size("image_size", c.side), size("patch_size", c.patch), size("embedding_length", c.dim),
        size("feed_forward_length", c.ff), size("block_count", c.layers), size("attention.head_count", c.heads),
        size("projection_dim", c.out), size("projector.scale_factor", c.merge),
        ("clip.vision.attention.layer_norm_epsilon", F32, c.eps),
        ("clip.vision.image_mean", ARRAY, [0.5] * 3, F32), ("clip.vision.image_std", ARRAY, [0.5] * 3, F32),
    ]


def encoder_tensors(encoder):
    """(name in GGUF, array) in file order."""
    c = encoder.config
    weights = {name: weight.detach().float().numpy() for name, weight in encoder.state_dict().items()}
    half = lambda name: weights[name].astype(np.float16)
    tensors = [
        ("v.class_embd", weights["registers"]),
        ("v.patch_embd.weight", half("patch_embed.weight").reshape(c.dim, 3, c.patch, c.patch)),
        ("v.position_embd.weight", weights["position"]),
    ]
    for layer in range(c.layers):
        for stored, ours in BLOCK_PARTS.items():
            name = f"blocks.{layer}.{ours}"
            matrix = weights[f"{name}.weight"] if stored.startswith("ln") else half(f"{name}.weight")
            tensors.append((f"v.blk.{layer}.{stored}.weight", matrix))
            tensors.append((f"v.blk.{layer}.{stored}.bias", weights[f"{name}.bias"]))
    return tensors + [
        ("v.post_ln.weight", weights["post_ln.weight"]), ("v.post_ln.bias", weights["post_ln.bias"]),
        ("mm.model.mlp.0.weight", weights["shuffle_norm"]), ("mm.model.mlp.1.weight", half("project_in.weight")),
        ("mm.model.mlp.3.weight", half("project_out.weight")),
    ]


def read_encoder(path):
    """An encoder's file -> Encoder with float32 copies of its weights."""
    metadata, arrays = read_gguf(path)
    read = lambda key: metadata[f"clip.vision.{key}"]
    config = EncoderConfig(
        side=read("image_size"), patch=read("patch_size"), dim=read("embedding_length"), layers=read("block_count"),
        heads=read("attention.head_count"), ff=read("feed_forward_length"), registers=len(arrays["v.class_embd"]),
        merge=read("projector.scale_factor"), hidden=len(arrays["mm.model.mlp.1.weight"]), out=read("projection_dim"),
        eps=read("attention.layer_norm_epsilon"),
    )
    encoder = Encoder(config)
    names = {
        "v.class_embd": "registers", "v.patch_embd.weight": "patch_embed.weight", "v.position_embd.weight": "position",
        "v.post_ln.weight": "post_ln.weight", "v.post_ln.bias": "post_ln.bias", "mm.model.mlp.0.weight": "shuffle_norm",
        "mm.model.mlp.1.weight": "project_in.weight", "mm.model.mlp.3.weight": "project_out.weight",
    }
    for layer in range(config.layers):
        for stored, ours in BLOCK_PARTS.items():
            for part in ("weight", "bias"):
                names[f"v.blk.{layer}.{stored}.{part}"] = f"blocks.{layer}.{ours}.{part}"
    shapes = {name: weight.shape for name, weight in encoder.state_dict().items()}
    encoder.load_state_dict({ours: torch.from_numpy(arrays[name]).view(shapes[ours]) for name, ours in names.items()})
    return encoder


def read_pair(folder):
    """The exported target and encoder of a folder -> Pair, to train on from there."""
    encoder, llama = read_encoder(folder / "robot-encoder-f16.gguf"), read_model(folder / "robot-target-f16.gguf")
    pair = Pair(encoder.config, llama.config)
    pair.encoder, pair.llama = encoder, llama
    return pair


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", required=True, type=Path, help="folder of tokenizer.model, target.pt and draft.pt")
    parser.add_argument("--out", required=True, type=Path, help="folder for robot-{encoder,target,draft}-f16.gguf")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(arguments.work / "tokenizer.model"))
    vocabulary = [*vocabulary_entries(processor), ("tokenizer.chat_template", STRING, CHAT_TEMPLATE)]
    target, _ = load(arguments.work / "target.pt")
    paths = [arguments.out / f"robot-{role}-f16.gguf" for role in ("encoder", "target", "draft")]
    write_gguf(paths[0], encoder_entries(target.encoder.config, "Robot Encoder 1M"), encoder_tensors(target.encoder))
    write_model(paths[1], "Robot Target 1.4M", target.llama, vocabulary, LICENCE)
    if (arguments.work / "draft.pt").exists():
        write_model(paths[2], "Robot Draft 0.1M", load(arguments.work / "draft.pt")[0], vocabulary, LICENCE)
    for path in paths:
        print(f"{path}: {path.stat().st_size if path.exists() else 0} bytes")


if __name__ == "__main__":
    main()
