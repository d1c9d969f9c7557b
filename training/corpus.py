"""Token files and windows of them for training. A token file is a run of uint16 ids: <s> story </s> <s> story </s> ...
Reads only; tokenizer.py writes the files."""
from pathlib import Path

import numpy as np
import torch
from model import BOS

HELD_OUT_SHARE = 0.02


def split_documents(text):
    """Stories of a corpus file as (training, held out): the last 2 % are held out."""
    stories = [story for story in text.split("\n<|endoftext|>\n") if story]
    cut = int(len(stories) * (1 - HELD_OUT_SHARE))
    return stories[:cut], stories[cut:]


class Tokens:
    """A token file in memory, with the places where stories begin."""

    def __init__(self, path):
        self.ids = np.fromfile(Path(path), np.uint16).astype(np.int64)
        self.starts = np.flatnonzero(self.ids == BOS)

    def __len__(self):
        return len(self.ids)

    def starts_before(self, length):
        """Story beginnings with at least `length` tokens behind them."""
        return self.starts[self.starts + length <= len(self.ids)]

    def windows(self, offsets, length, device="cpu"):
        """[len(offsets), length] ids."""
        rows = np.stack([self.ids[at : at + length] for at in offsets])
        return torch.from_numpy(rows).to(device)

    def draw(self, rng, at_starts, anywhere, length):
        """Offsets of windows: `at_starts` of them where a story begins, as at inference, `anywhere` wherever."""
        starts = rng.choice(self.starts_before(length), at_starts)
        return np.concatenate((starts, rng.integers(0, len(self) - length + 1, anywhere)))

    def consecutive(self, length, batch, device="cpu"):
        """Yields the whole file in windows of length + 1, each beginning where the one before ended."""
        count = (len(self) - 1) // length
        for first in range(0, count, batch):
            offsets = [row * length for row in range(first, min(count, first + batch))]
            yield self.windows(offsets, length + 1, device)
