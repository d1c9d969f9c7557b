#!/usr/bin/env python3
"""How good exit heads are on held-out text: against the target's likeliest token, and against the token that a round of
verification would take, greedily and in a race with shared noise (scheme `coupled`). Also fits what confidences are
made with. Never trains."""
import argparse
import json
from pathlib import Path

import torch
from corpus import Tokens
from exit_head import ExitHead, read_exit
from model import EOS, generate
from run import add_common_arguments, load_model, pick_device, seed_all

# How confidences are made and fitted: over so many leading tokens of a race, at these temperatures.
RANKED, TEMPERATURES = 8, (0.0, 0.8)
PROMPT_LENGTH, TEXT_COUNT, TEXT_LENGTH = 32, 48, 160


@torch.no_grad()
def streams(target, ids, layers):
    """The residual stream behind each of `layers` blocks, and what the target's head reads; [rows, dim] each."""
    found, last = {}, None
    for block, stream in enumerate(target.residuals(ids), start=1):
        if block in layers:
            found[block] = stream.float().flatten(0, 1)
        last = stream
    return found, target.norm(last).float().flatten(0, 1)


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
    return {layer: {"same_argmax_held_out": round(hits / count, 4)} for layer, hits in agreed.items()}


@torch.no_grad()
def own_texts(target, tokens, device):
    """{temperature: [texts, length]}: held-out openings, written on by the target."""
    starts = tokens.starts_before(PROMPT_LENGTH + TEXT_LENGTH + 1)[:TEXT_COUNT]
    prompts = tokens.windows(starts, PROMPT_LENGTH, device)
    return {temperature: torch.cat([generate(target, some, TEXT_LENGTH, temperature) for some in prompts.split(32)])
            for temperature in TEMPERATURES}


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
def own_text(heads, target, texts):
    """texts: of own_texts -> per layer the agreement with the verified token at each temperature, and a calibration."""
    gathered = {layer: {} for layer in heads}
    for temperature, written in texts.items():
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


def quality(heads, target, tokens, device, texts=None):
    """heads: {layer: ExitHead} -> {layer: facts}, on the held-out `tokens` and on the target's own text."""
    own = own_text(heads, target, texts or own_texts(target, tokens, device))
    return {layer: facts | own[layer] for layer, facts in held_out_text(heads, target, tokens, device).items()}


def untrained(target, layers):
    """{layer: logit lens}: the target's last norm on the stream as it is."""
    return {layer: ExitHead(target.config, 1, target.norm).to(target.head.weight.device) for layer in layers}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_common_arguments(parser)
    parser.add_argument("--target", required=True, help="GGUF file of F16 and F32 tensors, llama architecture")
    parser.add_argument("heads", nargs="+", help="files of train_exit.py")
    arguments = parser.parse_args()
    device = pick_device(arguments.device)
    seed_all(arguments.seed)
    target = load_model(arguments.target, device).requires_grad_(False)
    tokens = Tokens(Path(arguments.work) / "val.bin")
    read = [read_exit(path, target.config) for path in arguments.heads]
    heads = {layer: head.to(device) for head, layer in read}
    texts = own_texts(target, tokens, device)
    print(json.dumps({"trained": quality(heads, target, tokens, device, texts),
                      "untrained": quality(untrained(target, heads), target, tokens, device, texts)}, indent=1))


if __name__ == "__main__":
    main()
