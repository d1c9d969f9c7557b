"""Reads and writes GGUF v3 files of plain llama models, F16 matrices and F32 norms, without any package.
Never quantises: tools/quantize.mjs does. Source: the GGUF specification of the ggml project, and llama.cpp's names."""
import struct

import numpy as np
import torch
from model import Config, Llama

U32, I32, F32, BOOL, STRING, ARRAY, U64 = 4, 5, 6, 7, 8, 9, 10
SCALARS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", U32: "<I", I32: "<i", F32: "<f", BOOL: "<?", U64: "<Q", 11: "<q", 12: "<d",
}
TENSOR_TYPES = {0: np.float32, 1: np.float16}
ALIGNMENT = 32

BLOCK_TENSORS = {
    "attn_norm": "attn_norm", "attn_q": "wq", "attn_k": "wk", "attn_v": "wv", "attn_output": "wo",
    "ffn_norm": "ffn_norm", "ffn_gate": "gate", "ffn_up": "up", "ffn_down": "down",
}


def padding(length):
    return -length % ALIGNMENT


def text_bytes(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def value_bytes(kind, value):
    return text_bytes(value) if kind == STRING else struct.pack(SCALARS[kind], value)


def entry_bytes(key, kind, value, element=None):
    if kind != ARRAY:
        return text_bytes(key) + struct.pack("<I", kind) + value_bytes(kind, value)
    head = text_bytes(key) + struct.pack("<IIQ", ARRAY, element, len(value))
    return head + b"".join(value_bytes(element, item) for item in value)


def write_gguf(path, entries, tensors):
    """entries: (key, kind, value[, element kind]); tensors: (name, float16 or float32 array), rows outermost."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries))
    head += b"".join(entry_bytes(*entry) for entry in entries)
    offset = 0
    for name, array in tensors:
        kind = 1 if array.dtype == np.float16 else 0
        head += text_bytes(name) + struct.pack(f"<I{array.ndim}Q", array.ndim, *array.shape[::-1])
        head += struct.pack("<IQ", kind, offset)
        offset += array.nbytes + padding(array.nbytes)
    with open(path, "wb") as file:
        file.write(head + b"\0" * padding(len(head)))
        for _, array in tensors:
            file.write(np.ascontiguousarray(array).tobytes() + b"\0" * padding(array.nbytes))


class Reader:
    """Walks a GGUF header in memory. For files that are trusted: a broken one ends in struct.error."""

    def __init__(self, raw):
        self.raw, self.at = raw, 0

    def unpack(self, layout):
        values = struct.unpack_from(layout, self.raw, self.at)
        self.at += struct.calcsize(layout)
        return values[0] if len(values) == 1 else values

    def text(self):
        length = self.unpack("<Q")
        self.at += length
        return self.raw[self.at - length : self.at].decode()

    def value(self, kind):
        if kind == STRING:
            return self.text()
        if kind == ARRAY:
            element, count = self.unpack("<IQ")
            return [self.value(element) for _ in range(count)]
        return self.unpack(SCALARS[kind])

    def tensor(self):
        name, rank = self.text(), self.unpack("<I")
        shape = [self.unpack("<Q") for _ in range(rank)][::-1]
        kind, offset = self.unpack("<IQ")
        if kind not in TENSOR_TYPES:
            raise ValueError(f"tensor {name} has type {kind}; only F32 (0) and F16 (1) are read")
        return name, shape, TENSOR_TYPES[kind], offset


def read_gguf(path):
    """Returns (metadata dictionary, dictionary of float32 arrays)."""
    with open(path, "rb") as file:
        reader = Reader(file.read())
    reader.at = 4
    version, tensor_count, entry_count = reader.unpack("<IQQ")
    if reader.raw[:4] != b"GGUF" or version != 3:
        raise ValueError(f"{path} is not a GGUF file of version 3")
    metadata = {}
    for _ in range(entry_count):
        key = reader.text()
        metadata[key] = reader.value(reader.unpack("<I"))
    listed = [reader.tensor() for _ in range(tensor_count)]
    data = reader.at + padding(reader.at)
    arrays = {}
    for name, shape, dtype, offset in listed:
        flat = np.frombuffer(reader.raw, dtype, int(np.prod(shape)), data + offset)
        arrays[name] = flat.reshape(shape).astype(np.float32)
    return metadata, arrays


def tensor_names(layers):
    """Pairs of (name in GGUF, name in model.Llama), in file order."""
    names = [("token_embd.weight", "embed.weight")]
    for layer in range(layers):
        for stored, ours in BLOCK_TENSORS.items():
            names.append((f"blk.{layer}.{stored}.weight", f"blocks.{layer}.{ours}.weight"))
    return names + [("output_norm.weight", "norm.weight"), ("output.weight", "head.weight")]


def write_model(path, name, model, vocabulary, licence="mit"):
    """model.Llama -> a file that stock llama.cpp loads. `vocabulary`: entries from vocabulary_entries; `licence` by SPDX,
    in small letters."""
    c = model.config
    entries = [
        ("general.architecture", STRING, "llama"), ("general.name", STRING, name),
        ("general.license", STRING, licence),
        ("general.file_type", U32, 1), ("general.alignment", U32, ALIGNMENT), ("general.quantization_version", U32, 2),
        ("llama.context_length", U32, c.context), ("llama.embedding_length", U32, c.dim),
        ("llama.block_count", U32, c.layers),
        ("llama.feed_forward_length", U32, c.ff), ("llama.attention.head_count", U32, c.heads),
        ("llama.attention.head_count_kv", U32, c.kv_heads), ("llama.attention.layer_norm_rms_epsilon", F32, c.eps),
        ("llama.rope.dimension_count", U32, c.head_dim), ("llama.rope.freq_base", F32, c.theta),
        ("llama.vocab_size", U32, c.vocab),
    ]
    weights = model.state_dict()
    tensors = []
    for stored, ours in tensor_names(c.layers):
        weight = weights[ours].detach().float().cpu().numpy()
        tensors.append((stored, weight.astype(np.float16) if weight.ndim == 2 else weight))
    write_gguf(path, entries + vocabulary, tensors)


def read_model(path):
    """A GGUF file of write_model -> model.Llama with float32 copies of its weights."""
    metadata, arrays = read_gguf(path)
    read = lambda key: metadata[f"llama.{key}"]
    config = Config(
        vocab=read("vocab_size"), dim=read("embedding_length"), layers=read("block_count"),
        heads=read("attention.head_count"), kv_heads=read("attention.head_count_kv"), ff=read("feed_forward_length"),
        context=read("context_length"), eps=read("attention.layer_norm_rms_epsilon"), theta=read("rope.freq_base"),
    )
    model = Llama(config)
    model.load_state_dict({ours: torch.from_numpy(arrays[stored]) for stored, ours in tensor_names(config.layers)})
    return model


def vocabulary_entries(processor):
    """The tokenizer's part of the metadata, from a sentencepiece.SentencePieceProcessor."""
    ids = range(processor.vocab_size())

    def kind(piece):
        tests = ((processor.is_unknown, 2), (processor.is_control, 3), (processor.is_byte, 6), (processor.is_unused, 5))
        return next((code for test, code in tests if test(piece)), 1)

    return [
        ("tokenizer.ggml.model", STRING, "llama"), ("tokenizer.ggml.pre", STRING, "default"),
        ("tokenizer.ggml.tokens", ARRAY, [processor.id_to_piece(i) for i in ids], STRING),
        ("tokenizer.ggml.scores", ARRAY, [processor.get_score(i) for i in ids], F32),
        ("tokenizer.ggml.token_type", ARRAY, [kind(i) for i in ids], I32),
        ("tokenizer.ggml.bos_token_id", U32, 1), ("tokenizer.ggml.eos_token_id", U32, 2),
        ("tokenizer.ggml.unknown_token_id", U32, 0), ("tokenizer.ggml.add_bos_token", BOOL, True),
        ("tokenizer.ggml.add_eos_token", BOOL, False), ("tokenizer.ggml.add_space_prefix", BOOL, True),
    ]
