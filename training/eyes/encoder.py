"""The image encoder: a small vision transformer, pixel shuffle and projector, as llama.cpp's mtmd computes them for the
projector type "nemotron_v2_vl". Never trains, reads or writes files."""
import dataclasses

import torch
import torch.nn.functional as F
from torch import nn

SHUFFLE_EPS = 1e-6  # fixed in llama.cpp


@dataclasses.dataclass
class EncoderConfig:
    """Sizes; `registers` are learned tokens before the patches, `merge` patches a side become one image token."""

    side: int = 96
    patch: int = 12
    dim: int = 128
    layers: int = 4
    heads: int = 4
    ff: int = 256
    registers: int = 1
    merge: int = 2
    hidden: int = 384
    out: int = 160
    eps: float = 1e-6

    @property
    def grid(self):
        return self.side // self.patch

    @property
    def tokens(self):
        return (self.grid // self.merge) ** 2


class EncoderBlock(nn.Module):
    """Attention without a mask and SwiGLU, each behind a LayerNorm. Begins as the identity."""

    def __init__(self, c):
        super().__init__()
        self.heads = c.heads
        self.ln1, self.ln2 = nn.LayerNorm(c.dim, c.eps), nn.LayerNorm(c.dim, c.eps)
        self.q, self.k, self.v, self.out = (nn.Linear(c.dim, c.dim) for _ in range(4))
        self.gate, self.up, self.down = nn.Linear(c.dim, c.ff), nn.Linear(c.dim, c.ff), nn.Linear(c.ff, c.dim)

    def forward(self, x):
        batch, time, dim = x.shape
        h = self.ln1(x)
        q, k, v = (part(h).view(batch, time, self.heads, -1).transpose(1, 2) for part in (self.q, self.k, self.v))
        mixed = (q * (dim // self.heads) ** -0.5 @ k.transpose(-1, -2)).softmax(-1) @ v
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, time, dim))
        h = self.ln2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Encoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        c = self.config = config
        self.patch_embed = nn.Linear(3 * c.patch**2, c.dim, bias=False)
        self.position = nn.Parameter(0.02 * torch.randn(c.grid**2, c.dim))
        self.registers = nn.Parameter(0.02 * torch.randn(c.registers, c.dim))
        self.blocks = nn.ModuleList(EncoderBlock(c) for _ in range(c.layers))
        self.post_ln = nn.LayerNorm(c.dim, c.eps)
        shuffled = c.dim * c.merge**2
        self.shuffle_norm = nn.Parameter(torch.ones(shuffled))
        self.project_in = nn.Linear(shuffled, c.hidden, bias=False)
        self.project_out = nn.Linear(c.hidden, c.out, bias=False)
        for block in self.blocks:
            for last in (block.out, block.down):
                nn.init.zeros_(last.weight)
        for module in self.modules():
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def patches(self, pixels):
        """pixels [batch, 3, side, side] in -1..1 -> [batch, grid * grid, dim] behind the last norm."""
        c = self.config
        batch = len(pixels)
        cut = pixels.view(batch, 3, c.grid, c.patch, c.grid, c.patch).permute(0, 2, 4, 1, 3, 5)
        x = self.patch_embed(cut.reshape(batch, c.grid**2, -1)) + self.position
        x = torch.cat((self.registers.expand(batch, -1, -1), x), 1)
        for block in self.blocks:
            x = block(x)
        return self.post_ln(x)[:, c.registers :]

    def project(self, patches):
        """[batch, grid * grid, dim] -> image tokens [batch, tokens, out]; a token holds merge x merge patches, row by
        row."""
        c = self.config
        wide = c.grid // c.merge
        x = patches.view(-1, wide, c.merge, wide, c.merge, c.dim).permute(0, 1, 3, 2, 4, 5)
        x = x.reshape(len(patches), wide * wide, -1)
        x = x * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + SHUFFLE_EPS) * self.shuffle_norm
        return self.project_out(F.relu(self.project_in(x)).square())

    def forward(self, pixels):
        return self.project(self.patches(pixels))
