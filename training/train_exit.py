#!/usr/bin/env python3
"""Distils exit heads at chosen layers from the law of a frozen target: each minimises KL(target || exit) on text that
the target wrote and on the corpus, half and half. One run trains all layers, because they share the target's forward
pass. Source: arXiv 2505.21594; Hinton et al. 2015, arXiv 1503.02531."""
import argparse
import json
import time
from pathlib import Path

import torch
from corpus import Tokens
from evaluate_exit import quality, streams
from exit_head import ExitHead, law_losses, vocabulary_digest, write_exit
from gguf import read_gguf
from run import add_training_arguments, load_model, pick_device, pick_dtype, products_in, seed_all
from train_draft import WINDOW, draw_batch, write_texts

# Few tokens a step: with the target's whole law to learn from, the gradient of a small batch is hardly noisier.
BATCH = 4
RATE, WARM_UP_STEPS = 3e-3, 40
LOG_EVERY = 50


def rate_at(step, steps):
    """Warm-up, flat to half of the run, then down a line to 2 %."""
    done = step / steps
    decay = 1 if done < 0.5 else 0.02 + 0.98 * (1 - done) / 0.5
    return RATE * min(1, (step + 1) / WARM_UP_STEPS) * decay


def distil(heads, target, batch_of, dtype, steps):
    """Trains `heads` {layer: ExitHead} in place. Ctrl-C ends it early and keeps what is learned.

    Returns the steps that were made and the running mean of each head's KL in nats."""
    optimiser = torch.optim.AdamW([weight for head in heads.values() for weight in head.parameters()],
                                  lr=RATE, betas=(0.9, 0.95), weight_decay=0.0)
    means, started, done = None, time.monotonic(), 0
    try:
        for done in range(1, steps + 1):
            optimiser.param_groups[0]["lr"] = rate_at(done - 1, steps)
            ids = batch_of()
            losses = learn(heads, target, ids, optimiser, dtype)
            means = losses if means is None else [0.98 * a + 0.02 * b for a, b in zip(means, losses)]
            if done % LOG_EVERY == 0 or done == steps:
                speed = done * ids.numel() / (time.monotonic() - started)
                shown = " ".join(f"{layer}: {mean:.4f}" for layer, mean in zip(heads, means))
                print(f"{done} {done / steps:.3f} KL {shown} {speed:.0f} tok/s", flush=True)
    except KeyboardInterrupt:
        print(f"ended early, after {done} of {steps} steps", flush=True)
    return done, dict(zip(heads, means))


def learn(heads, target, ids, optimiser, dtype):
    """One step on ids [batch, time]; returns each head's loss before it."""
    with products_in(dtype, ids.device):
        found, teacher = streams(target, ids, heads)
        hiddens = [head(found[layer]).float() for layer, head in heads.items()]
    losses, gradients = law_losses([h.detach() for h in hiddens], teacher, target.head.weight, dtype)
    torch.autograd.backward(hiddens, gradients)
    for head in heads.values():
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return losses


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_training_arguments(parser)
    parser.add_argument("--target", required=True, help="GGUF file of F16 and F32 tensors, llama architecture")
    parser.add_argument("--layers", default="2,4,6", help="blocks below each exit, with commas between")
    parser.add_argument("--ff", type=int, help="width of an exit's feed-forward; default: the target's")
    parser.add_argument("--texts", type=int, default=600, help="texts that the target writes to train on")
    parser.add_argument("--steps", type=int, default=1000, help=f"of {WINDOW * BATCH} tokens each")
    parser.add_argument("--name", default="exit", help="files are NAME-LAYER-f16.gguf")
    parser.add_argument("--title", default="Exit", help="beginning of general.name")
    arguments = parser.parse_args()
    work, device = Path(arguments.work), pick_device(arguments.device)
    dtype = pick_dtype(arguments.products, device)
    rng = seed_all(arguments.seed)
    target = load_model(arguments.target, device).requires_grad_(False)
    digest = vocabulary_digest(read_gguf(arguments.target)[0]["tokenizer.ggml.tokens"])
    tokens = Tokens(work / "train.bin")
    layers = [int(layer) for layer in arguments.layers.split(",")]
    heads = {layer: ExitHead(target.config, arguments.ff or target.config.ff, target.norm).to(device)
             for layer in layers}
    written = write_texts(target, tokens, rng, arguments.texts, device, dtype)
    steps, losses = distil(heads, target, lambda: draw_batch(written, tokens, rng, device, BATCH), dtype, arguments.steps)
    facts = quality(heads, target, Tokens(work / "val.bin"), device)
    for layer, head in heads.items():
        path = work / f"{arguments.name}-{layer}-f16.gguf"
        write_exit(path, f"{arguments.title} after {layer} blocks", head, layer, target.config, digest,
                   facts[layer]["sharpness"], facts[layer]["coverage"])
        facts[layer] |= {"kl_nats": round(losses[layer], 4), "steps": steps, "file": path.name,
                         "parameters": sum(weight.numel() for weight in head.parameters())}
    (work / f"{arguments.name}.json").write_text(json.dumps(facts, indent=1))
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
