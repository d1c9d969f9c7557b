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
from exit_head import ExitHead, law_losses, vocabulary_digest, write_exit
from gguf import read_gguf
from model import EOS, generate
from run import add_training_arguments, load_model, pick_device, pick_dtype, products_in, seed_all
from train_draft import BATCH, WINDOW, draw_batch, write_texts

RATE, WARM_UP_STEPS = 3e-3, 40
LOG_EVERY = 25
# How confidences are made and fitted: over so many leading tokens of a race, at these temperatures.
RANKED, TEMPERATURES = 8, (0.0, 0.8)
PROMPT_LENGTH = 32


def rate_at(step, steps):
    """Warm-up, flat to half of the run, then down a line to 2 %."""
    done = step / steps
    decay = 1 if done < 0.5 else 0.02 + 0.98 * (1 - done) / 0.5
    return RATE * min(1, (step + 1) / WARM_UP_STEPS) * decay


@torch.no_grad()
def streams(target, ids, layers):
    """The residual stream behind each of `layers` blocks, and what the target's head reads; [rows, dim] each."""
    found, last = {}, None
    for block, stream in enumerate(target.residuals(ids), start=1):
        if block in layers:
            found[block] = stream.float().flatten(0, 1)
        last = stream
    return found, target.norm(last).float().flatten(0, 1)


def distil(heads, target, batch_of, dtype, steps):
    """Trains `heads` {layer: ExitHead} in place; returns the running mean of each one's KL in nats."""
    optimiser = torch.optim.AdamW([weight for head in heads.values() for weight in head.parameters()],
                                  lr=RATE, betas=(0.9, 0.95), weight_decay=0.0)
    means, started = None, time.monotonic()
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate_at(step, steps)
        ids = batch_of()
        with products_in(dtype, ids.device):
            found, teacher = streams(target, ids, heads)
            hiddens = [head(found[layer]).float() for layer, head in heads.items()]
        losses, gradients = law_losses([h.detach() for h in hiddens], teacher, target.head.weight, dtype)
        torch.autograd.backward(hiddens, gradients)
        for head in heads.values():
            torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        means = losses if means is None else [0.95 * a + 0.05 * b for a, b in zip(means, losses)]
        if (step + 1) % LOG_EVERY == 0 or step + 1 == steps:
            speed = (step + 1) * ids.numel() / (time.monotonic() - started)
            shown = " ".join(f"{layer}: {mean:.4f}" for layer, mean in zip(heads, means))
            print(f"{step + 1} {(step + 1) / steps:.3f} KL {shown} {speed:.0f} tok/s", flush=True)
    return dict(zip(heads, means))


@torch.no_grad()
def held_out_text(heads, target, tokens, device):
    """How often each exit's likeliest token is the target's, teacher-forced in windows of one context."""
    agreed, count = {layer: 0 for layer in heads}, 0
    for windows in tokens.consecutive(target.config.context, 4, device):
        found, last = streams(target, windows[:, :-1], heads)
        best = target.head(last).argmax(-1)
        for layer, head in heads.items():
            agreed[layer] += (target.head(head(found[layer])).argmax(-1) == best).sum().item()
        count += best.numel()
    return {layer: round(hits / count, 4) for layer, hits in agreed.items()}


@torch.no_grad()
def races(heads, target, texts, temperature):
    """Races of exits and target with shared noise, on rows of the target's own text.

    Yields per layer (reach [rows, RANKED] of the exit's first tokens in logits, winner's rank [rows], RANKED if it is
    not among them). A token's reach is its logit minus temperature times the logarithm of its exponential variate:
    the largest wins."""
    found, last = streams(target, texts[:, :-1], heads)
    rows = torch.arange(len(last)).reshape(len(texts), -1)[:, PROMPT_LENGTH - 1 :].flatten()
    ended = ((texts[:, :-1] == EOS).cumsum(1) > 0).flatten()
    rows = rows[~ended[rows]]
    goal = target.head(last[rows])
    noise = temperature * torch.empty_like(goal).exponential_().log_() if temperature > 0 else 0
    winner = (goal - noise).argmax(-1)
    for layer, head in heads.items():
        reach, ids = (target.head(head(found[layer][rows])) - noise).topk(RANKED)
        rank = (ids == winner[:, None]).int().argmax(-1)
        yield layer, reach, torch.where((ids == winner[:, None]).any(-1), rank, torch.full_like(rank, RANKED))


def calibrate(reach, rank):
    """Confidence of the j-th token: coverage * softmax(sharpness * reach)_j over the first RANKED. The softmax is the
    law of the winner if the target's reaches differ from the exit's by Gumbel noise of that sharpness; coverage is how
    often the winner is among them at all. Returns (sharpness by maximum likelihood, coverage)."""
    among = rank < RANKED
    reach, rank = reach[among], rank[among]
    candidates = [0.02 * 1.05**step for step in range(100)]
    likelihood = [(s * reach).log_softmax(-1).gather(1, rank[:, None]).mean().item() for s in candidates]
    return candidates[max(range(100), key=likelihood.__getitem__)], among.float().mean().item()


@torch.no_grad()
def own_text(heads, target, tokens, texts, count, device):
    """Writes held-out openings on with the target, and measures each exit on the rows of that text."""
    starts = tokens.starts_before(PROMPT_LENGTH + count + 1)[:texts]
    prompts = tokens.windows(starts, PROMPT_LENGTH, device)
    gathered = {layer: {} for layer in heads}
    for temperature in TEMPERATURES:
        written = torch.cat([generate(target, some, count, temperature) for some in prompts.split(32)])
        parts = {layer: [] for layer in heads}
        for some in written.split(4):
            for layer, reach, rank in races(heads, target, some, temperature):
                parts[layer].append((reach, rank))
        for layer, pairs in parts.items():
            gathered[layer][temperature] = tuple(torch.cat(column) for column in zip(*pairs))
    return {layer: facts_of(laws) for layer, laws in gathered.items()}


def facts_of(laws):
    """laws: {temperature: (reach, rank)} -> agreement at each, and a calibration for all of them."""
    reach, rank = (torch.cat(column) for column in zip(*laws.values()))
    sharpness, coverage = calibrate(reach, rank)
    share = lambda ranks, below: round((ranks < below).float().mean().item(), 4)
    agreement = {f"temperature_{t}": {"first": share(ranks, 1), "first_4": share(ranks, 4), "rows": len(ranks)}
                 for t, (_, ranks) in laws.items()}
    return {"sharpness": round(sharpness, 4), "coverage": round(coverage, 4), **agreement}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_training_arguments(parser)
    parser.add_argument("--target", required=True, help="GGUF file of F16 and F32 tensors, llama architecture")
    parser.add_argument("--layers", default="2,4,6", help="blocks below each exit, with commas between")
    parser.add_argument("--ff", type=int, help="width of an exit's feed-forward; default: the target's")
    parser.add_argument("--texts", type=int, default=600, help="texts that the target writes to train on")
    parser.add_argument("--steps", type=int, default=400, help=f"of {WINDOW * BATCH} tokens each")
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
    lens = {layer: ExitHead(target.config, 1, target.norm).to(device) for layer in layers}
    held_out = Tokens(work / "val.bin")
    written = write_texts(target, tokens, rng, arguments.texts, device, dtype)
    losses = distil(heads, target, lambda: draw_batch(written, tokens, rng, device), dtype, arguments.steps)
    facts = own_text(heads, target, held_out, 48, 160, device)
    same, untrained = (held_out_text(some, target, held_out, device) for some in (heads, lens))
    for layer, head in heads.items():
        path = work / f"{arguments.name}-{layer}-f16.gguf"
        write_exit(path, f"{arguments.title} after {layer} blocks", head, layer, target.config, digest,
                   facts[layer]["sharpness"], facts[layer]["coverage"])
        facts[layer] |= {"kl_nats": round(losses[layer], 4), "same_argmax_held_out": same[layer],
                         "same_argmax_untrained": untrained[layer], "steps": arguments.steps, "file": path.name,
                         "parameters": sum(weight.numel() for weight in head.parameters())}
    (work / f"{arguments.name}.json").write_text(json.dumps(facts, indent=1))
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
