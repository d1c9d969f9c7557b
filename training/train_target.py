#!/usr/bin/env python3
"""Trains the target on the token files: Muon on the matrices inside the blocks, AdamW on embedding, head and norms.
Three quarters of the steps read windows of 256 tokens, the last quarter of 512: attention over the
window is a large share of the cost on a CPU."""
import argparse
import json
import time
from pathlib import Path

import torch
from corpus import Tokens
from model import TARGET, HeadLoss, Llama
from muon import Muon
from run import add_training_arguments, pick_device, pick_dtype, products_in, save_checkpoint, seed_all

TOKENS_PER_STEP = 4096
ADAM_RATE, MUON_RATE = 3e-3, 0.02
WARM_UP_STEPS = 100
LOG_EVERY, EVALUATE_EVERY = 50, 500


def rate_share(step, done):
    """Share of the full learning rate: warm-up, flat to 35 % of the run, then down a line to 3 %."""
    decay = 1 if done < 0.35 else 0.03 + 0.97 * (1 - done) / 0.65
    return min(1, (step + 1) / WARM_UP_STEPS) * decay


def loss_of(model, windows, dtype):
    """Mean cross-entropy in nats of windows [batch, length + 1]."""
    with products_in(dtype, windows.device):
        hidden = model.hidden(windows[:, :-1])
    rows = hidden.float().reshape(-1, model.config.dim)
    return HeadLoss.apply(rows, model.head.weight, windows[:, 1:].reshape(-1), dtype)


@torch.no_grad()
def held_out_loss(model, tokens, device, dtype):
    total = count = 0
    for windows in tokens.consecutive(model.config.context, 8, device):
        total += loss_of(model, windows, dtype).item() * len(windows)
        count += len(windows)
    return total / count


class Optimisers:
    def __init__(self, model, dtype):
        matrices = [weight for block in model.blocks for weight in block.parameters() if weight.dim() == 2]
        inside = {id(weight) for weight in matrices}
        self.rest = [weight for weight in model.parameters() if id(weight) not in inside]
        self.adam = torch.optim.AdamW(self.rest, lr=ADAM_RATE, betas=(0.9, 0.95), eps=1e-10, weight_decay=0.0)
        self.muon = Muon(matrices, dtype)

    def step(self, share):
        torch.nn.utils.clip_grad_norm_(self.rest, 1.0)
        self.adam.param_groups[0]["lr"] = ADAM_RATE * share
        self.adam.step()
        self.muon.step(MUON_RATE * share)


def train(model, train_tokens, val_tokens, rng, device, dtype, steps):
    """Trains in place."""
    optimisers = Optimisers(model, dtype)
    started = time.monotonic()
    for step in range(steps):
        done = step / steps
        length = 256 if done < 0.75 else 512
        half = TOKENS_PER_STEP // length // 2
        offsets = train_tokens.draw(rng, half, half, length + 1)
        loss = loss_of(model, train_tokens.windows(offsets, length + 1, device), dtype)
        loss.backward()
        optimisers.step(rate_share(step, done))
        model.zero_grad(set_to_none=True)
        if (step + 1) % LOG_EVERY == 0 or step + 1 == steps:
            speed = (step + 1) * TOKENS_PER_STEP / (time.monotonic() - started)
            print(f"{step + 1} {(step + 1) / steps:.3f} loss {loss.item():.3f} {speed:.0f} tok/s", flush=True)
        if (step + 1) % EVALUATE_EVERY == 0:
            print(f"{step + 1} held out {held_out_loss(model, val_tokens, device, dtype):.4f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_training_arguments(parser)
    parser.add_argument("--steps", type=int, default=4250, help=f"of {TOKENS_PER_STEP} tokens each")
    arguments = parser.parse_args()
    work, device = Path(arguments.work), pick_device(arguments.device)
    dtype = pick_dtype(arguments.products, device)
    rng = seed_all(arguments.seed)
    train_tokens, val_tokens = (Tokens(work / f"{name}.bin") for name in ("train", "val"))
    model = Llama(TARGET).to(device)
    parameters = sum(weight.numel() for weight in model.parameters())
    print(f"{device}, {dtype}: {parameters} parameters, {len(train_tokens)} training tokens", flush=True)
    started = time.monotonic()
    train(model, train_tokens, val_tokens, rng, device, dtype, arguments.steps)
    save_checkpoint(work / "target.pt", model)
    facts = {
        "parameters": parameters, "steps": arguments.steps, "tokens": arguments.steps * TOKENS_PER_STEP,
        "seconds": round(time.monotonic() - started), "held_out_nats": held_out_loss(model, val_tokens, device, dtype),
    }
    (work / "target.json").write_text(json.dumps(facts, indent=1))
    print(facts)


if __name__ == "__main__":
    main()
