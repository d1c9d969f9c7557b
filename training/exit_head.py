"""An early exit of a frozen model: a feed-forward block and a norm on the residual stream in its middle, then the
model's own head. Holds the module, its loss and its file format; never trains. It has no attention, so it needs no
cache and judges any rows of any batch. Source: the adapters of arXiv 2505.21594; logit lens, nostalgebraist 2020."""
import hashlib
import struct

import numpy as np
import torch
import torch.nn.functional as F
from gguf import ALIGNMENT, F32, STRING, U32, read_gguf, write_gguf
from model import RMSNorm, linear
from torch import nn

KIND, VERSION = "exit-head", 1
TENSORS = {"exit.ffn_norm": "ffn_norm", "exit.ffn_gate": "gate", "exit.ffn_up": "up", "exit.ffn_down": "down",
           "exit.output_norm": "norm"}


class ExitHead(nn.Module):
    """Starts as the logit lens: its block adds nothing, its norm is the target's last one."""

    def __init__(self, config, ff, norm=None):
        super().__init__()
        self.ffn_norm = RMSNorm(config.dim, config.eps)
        self.gate, self.up = linear(config.dim, ff), linear(config.dim, ff)
        self.down = linear(ff, config.dim)
        self.norm = RMSNorm(config.dim, config.eps)
        for matrix in (self.gate, self.up):
            nn.init.normal_(matrix.weight, std=0.5 / config.dim ** 0.5)
        nn.init.zeros_(self.down.weight)
        if norm is not None:
            self.norm.weight.data.copy_(norm.weight.data)

    def forward(self, x):
        """x [..., dim], the stream behind a block -> what the model's head reads, [..., dim]."""
        h = self.ffn_norm(x)
        return self.norm(x + self.down(F.silu(self.gate(h)) * self.up(h)))


@torch.no_grad()
def law_losses(hiddens, teacher, weight, dtype, chunk=512):
    """KL(target || exit) of several exits at once, chunk by chunk, so that logits of a whole batch never exist.

    hiddens: list of [rows, dim]; teacher: the target's last hidden, [rows, dim]; weight: the head, [vocab, dim].
    Returns the mean loss of each in nats, and its gradient by each of `hiddens`."""
    rows = len(teacher)
    weight = weight.to(dtype)
    totals, gradients = [0.0] * len(hiddens), [torch.empty_like(h) for h in hiddens]
    for at in range(0, rows, chunk):
        log_target = (teacher[at : at + chunk].to(dtype) @ weight.t()).float().log_softmax(-1)
        target = log_target.exp()
        for index, hidden in enumerate(hiddens):
            log_law = (hidden[at : at + chunk].to(dtype) @ weight.t()).float().log_softmax(-1)
            totals[index] += (target * (log_target - log_law)).sum().item()
            dz = log_law.exp_().sub_(target).mul_(1 / rows)
            gradients[index][at : at + chunk] = (dz.to(dtype) @ weight).float()
    return [total / rows for total in totals], gradients


def vocabulary_digest(tokens):
    """SHA-256 over the token texts as a GGUF file stores them: length in 8 bytes, then UTF-8."""
    digest = hashlib.sha256()
    for token in tokens:
        raw = token.encode()
        digest.update(struct.pack("<Q", len(raw)) + raw)
    return digest.hexdigest()


def write_exit(path, name, head, layer, target_config, digest, sharpness, coverage):
    """The file that the engine takes beside the target: matrices in F16, norms in F32, without the target's head.

    layer: blocks below the exit. sharpness, coverage: see `calibrate` in train_exit.py."""
    entries = [
        ("general.type", STRING, KIND), ("general.name", STRING, name), ("general.license", STRING, "mit"),
        ("general.alignment", U32, ALIGNMENT), ("exit.version", U32, VERSION), ("exit.layer", U32, layer),
        ("exit.target_block_count", U32, target_config.layers), ("exit.embedding_length", U32, target_config.dim),
        ("exit.feed_forward_length", U32, head.gate.out_features),
        ("exit.vocabulary_sha256", STRING, digest),
        ("exit.sharpness", F32, sharpness), ("exit.coverage", F32, coverage),
    ]
    weights = head.state_dict()
    tensors = []
    for stored, ours in TENSORS.items():
        weight = weights[f"{ours}.weight"].detach().float().cpu().numpy()
        tensors.append((f"{stored}.weight", weight.astype(np.float16) if weight.ndim == 2 else weight))
    write_gguf(path, entries, tensors)


def read_exit(path, target_config):
    """A file of write_exit -> (head, layer)."""
    metadata, arrays = read_gguf(path)
    head = ExitHead(target_config, metadata["exit.feed_forward_length"])
    head.load_state_dict({f"{ours}.weight": torch.from_numpy(arrays[f"{stored}.weight"])
                          for stored, ours in TENSORS.items()})
    return head.eval(), metadata["exit.layer"]
