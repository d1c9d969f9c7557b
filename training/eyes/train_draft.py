#!/usr/bin/env python3
"""Trains the text-only draft on the target's texts without the images: it learns the wording and the likely answers."""
import argparse
import time
from pathlib import Path

import numpy as np
import sentencepiece
import torch
import torch.nn.functional as F
from batches import TASKS, draw_texts, draw_view, pack
from model import Llama
from muon import Muon
from pair import DRAFT, draft_hidden, save

ADAM_RATE, MUON_RATE, BATCH, WARM_UP_STEPS = 3e-3, 0.02, 32, 50


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", required=True, type=Path, help="folder of tokenizer.model; draft.pt is written there")
    parser.add_argument("--views", type=int, default=16000, help="drawn once, of 4 texts each")
    parser.add_argument("--steps", type=int, default=1500, help=f"of {BATCH} views")
    parser.add_argument("--seed", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(arguments.work / "tokenizer.model"))
    rows = []
    for _ in range(arguments.views):
        room, _, _, _, sights = draw_view(rng)
        rows.append(draw_texts(rng, processor, room, sights, TASKS))
    model = Llama(DRAFT)
    matrices = [weight for block in model.blocks for weight in block.parameters() if weight.dim() == 2]
    inside = {id(weight) for weight in matrices}
    rest = [weight for weight in model.parameters() if id(weight) not in inside]
    adam = torch.optim.AdamW(rest, lr=ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.0)
    muon = Muon(matrices, torch.float32)
    print(f"{sum(weight.numel() for weight in model.parameters())} parameters", flush=True)
    started, losses = time.time(), []
    for step in range(arguments.steps):
        texts = pack([rows[at] for at in rng.integers(len(rows), size=BATCH)])
        logits = model.head(draft_hidden(model, texts)[texts.answers])
        loss = F.cross_entropy(logits, texts.ids.roll(-1, 1)[texts.answers])
        loss.backward()
        share = min(1, (step + 1) / WARM_UP_STEPS) * min(1, 2 * (1 - step / arguments.steps))
        adam.param_groups[0]["lr"] = ADAM_RATE * share
        adam.step()
        muon.step(MUON_RATE * share)
        model.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if (step + 1) % 100 == 0:
            print(f"{step + 1} loss {np.mean(losses[-100:]):.4f} {time.time() - started:.0f} s", flush=True)
    save(arguments.work / "draft.pt", model)


if __name__ == "__main__":
    main()
