#!/usr/bin/env python3
"""Distils the draft from the frozen target. First the target writes text, because a draft is asked about the target's
text and not about the corpus; then the draft minimises KL(target || draft) on half of that and half of the corpus.
Source: Hinton et al. 2015, arXiv 1503.02531; on the target's own text: Zhou et al. 2023, arXiv 2310.08461."""
import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from corpus import Tokens
from model import DRAFT, HeadLoss, Llama, generate
from run import add_training_arguments, load_model, pick_device, pick_dtype, products_in, save_checkpoint, seed_all

WINDOW, BATCH = 256, 16
TEXT_LENGTH, TEXTS_PER_BATCH = 400, 96
RATE, WARM_UP_STEPS = 4e-3, 100
LOG_EVERY = 50


@torch.no_grad()
def write_texts(target, tokens, rng, count, device, dtype):
    """[count, TEXT_LENGTH] ids: openings of training stories, continued by the target at mixed temperatures."""
    parts = []
    while sum(map(len, parts)) < count:
        rows = min(TEXTS_PER_BATCH, count - sum(map(len, parts)))
        length = int(rng.choice([1, 4, 8, 16, 64, 128]))
        openings = tokens.windows(rng.choice(tokens.starts_before(length), rows), length, device)
        warmth = rng.choice([0.0, 0.5, 0.8, 1.0], (rows, 1), p=[0.3, 0.1, 0.4, 0.2])
        if length < 8:
            warmth = np.maximum(warmth, 0.5)  # Greedy from a few tokens would write the same story again and again.
        temperature = torch.tensor(warmth, dtype=torch.float32, device=device)
        with products_in(dtype, device):
            parts.append(generate(target, openings, TEXT_LENGTH - length, temperature).cpu().numpy())
        print(f"written {sum(part.size for part in parts)} tokens", flush=True)
    return np.concatenate(parts)


def draw_batch(written, tokens, rng, device, batch=BATCH):
    """[batch, WINDOW]: half written by the target, from <s> (60 %) or later; a quarter story beginnings; a quarter
    from anywhere in the corpus."""
    half, quarter = batch // 2, batch // 4
    rows = rng.integers(0, len(written), half)
    offsets = np.where(rng.random(half) < 0.6, 0, rng.integers(0, TEXT_LENGTH - WINDOW + 1, half))
    own = np.stack([written[row, at : at + WINDOW] for row, at in zip(rows, offsets)])
    corpus = tokens.windows(tokens.draw(rng, quarter, quarter, WINDOW), WINDOW, device)
    return torch.cat((torch.from_numpy(own).to(device), corpus))


def rate_at(step, done):
    """Warm-up, flat to 30 % of the run, then down a line to 2 %."""
    decay = 1 if done < 0.3 else 0.02 + 0.98 * (1 - done) / 0.7
    return RATE * min(1, (step + 1) / WARM_UP_STEPS) * decay


def distil(student, student_head, student_hidden, target, batch_of, dtype, steps):
    """Trains `student` in place so that its law follows the target's; returns the running mean of the KL in nats.

    student_hidden: ids [batch, time] -> what student_head reads, [batch, time, dim].
    batch_of: () -> ids [batch, time]."""
    optimiser = torch.optim.AdamW(student.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.0)
    mean, started = None, time.monotonic()
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate_at(step, step / steps)
        ids = batch_of()
        with products_in(dtype, ids.device):
            with torch.no_grad():
                teacher = target.hidden(ids).float().flatten(0, 1)
            hidden = student_hidden(ids).float().flatten(0, 1)
        loss = HeadLoss.apply(hidden, student_head, (teacher, target.head.weight), dtype)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        mean = loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
        if (step + 1) % LOG_EVERY == 0 or step + 1 == steps:
            speed = (step + 1) * ids.numel() / (time.monotonic() - started)
            print(f"{step + 1} {(step + 1) / steps:.3f} KL {mean:.4f} {speed:.0f} tok/s", flush=True)
    return mean


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_training_arguments(parser)
    parser.add_argument("--target", help="checkpoint or GGUF file; default WORK/target.pt")
    parser.add_argument("--texts", type=int, default=2400, help=f"texts of {TEXT_LENGTH} tokens that the target writes")
    parser.add_argument("--steps", type=int, default=2990, help=f"of {WINDOW * BATCH} tokens each")
    arguments = parser.parse_args()
    work, device = Path(arguments.work), pick_device(arguments.device)
    dtype = pick_dtype(arguments.products, device)
    rng = seed_all(arguments.seed)
    target = load_model(arguments.target or work / "target.pt", device).requires_grad_(False)
    tokens = Tokens(work / "train.bin")
    written = write_texts(target, tokens, rng, arguments.texts, device, dtype)
    draft = Llama(DRAFT).to(device)
    batch_of = lambda: draw_batch(written, tokens, rng, device)
    divergence = distil(draft, draft.head.weight, draft.hidden, target, batch_of, dtype, arguments.steps)
    save_checkpoint(work / "draft.pt", draft)
    facts = {
        "parameters": sum(weight.numel() for weight in draft.parameters()), "steps": arguments.steps,
        "tokens": arguments.steps * WINDOW * BATCH, "written_tokens": int(written.size), "kl_nats": divergence,
    }
    (work / "draft.json").write_text(json.dumps(facts, indent=1))
    print(facts)


if __name__ == "__main__":
    main()
