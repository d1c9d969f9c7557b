"""The target: encoder and language model in one, with several texts behind one image; and the sizes of both models."""
import dataclasses

import torch
from encoder import Encoder, EncoderConfig
from model import Config, Llama
from torch import nn

TARGET = Config(vocab=512, dim=160, layers=4, heads=5, kv_heads=5, ff=416, context=256)
DRAFT = Config(vocab=512, dim=64, layers=2, heads=2, kv_heads=1, ff=128, context=256, tied=True)
MASKED = -1e9


def run_texts(llama, prefix, texts, streams=None):
    """Hidden states [batch, time, dim] of several texts a row, each behind the same prefix [batch, n, dim]: a text sees
    the prefix and its own past, and its positions begin where the prefix ends. `texts` is batches.Texts. `streams`
    is a list that gets the residual stream of the texts behind every block."""
    n = prefix.shape[1]
    x = torch.cat((prefix, llama.embed(texts.ids)), 1)
    batch, time, _ = x.shape
    at = torch.cat((torch.arange(n).expand(batch, n), texts.positions + n), 1)
    text = torch.cat((torch.full((batch, n), -1), texts.numbers), 1)
    past = torch.ones(time, time, dtype=torch.bool).tril()
    seen = past & ((text[:, None] == -1) | (text[:, None] == text[:, :, None]))
    mask = torch.where(seen, 0.0, MASKED)[:, None]
    cos, sin = llama.cos[at], llama.sin[at]
    for block in llama.blocks:
        x = block(x, cos, sin, mask)
        if streams is not None:
            streams.append(x[:, n:])
    return llama.norm(x[:, n:])


class Pair(nn.Module):
    """Encoder and language model. The prompt is <s>, the image tokens, then text."""

    def __init__(self, encoder=None, llama=None):
        super().__init__()
        self.encoder = Encoder(encoder or EncoderConfig())
        self.llama = Llama(llama or TARGET)

    def prefix(self, patches):
        """What every text stands behind, [batch, 1 + image tokens, dim], from Encoder.patches."""
        begin = self.llama.embed(torch.ones(len(patches), 1, dtype=torch.long))
        return torch.cat((begin, self.encoder.project(patches)), 1)


def draft_hidden(llama, texts):
    """The same for the draft, whose prompt is <s> and text without an image."""
    return run_texts(llama, llama.embed(torch.ones(len(texts.ids), 1, dtype=torch.long)), texts)


def save(path, model, **extra):
    configs = {name: dataclasses.asdict(part.config) for name, part in parts_of(model)}
    torch.save({"configs": configs, "model": model.state_dict(), **extra}, path)


def parts_of(model):
    return [("llama", model)] if isinstance(model, Llama) else [("encoder", model.encoder), ("llama", model.llama)]


def load(path):
    """(model, everything else that was saved): a Pair, or a Llama for the draft."""
    stored = torch.load(path, map_location="cpu")
    configs = stored["configs"]
    llama = Config(**configs["llama"])
    model = Pair(EncoderConfig(**configs["encoder"]), llama) if "encoder" in configs else Llama(llama)
    model.load_state_dict(stored.pop("model"))
    return model, stored
