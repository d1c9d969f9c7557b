#!/usr/bin/env python3
"""Losses on held-out text, and acceptance of the draft on the target's own text, from checkpoints or GGUF files.
Acceptance needs no speculative loop: the emitted text has the target's law, and given the emitted token x a draft drawn
from the draft law was accepted with probability min(1, draft(x) / target(x)); greedy, where the argmaxes agree.
Source: Leviathan et al. 2023, arXiv 2211.17192."""
import argparse
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from corpus import Tokens
from model import EOS, generate
from run import add_common_arguments, load_model, pick_device, seed_all

PROMPT_LENGTH = 32


@torch.no_grad()
def held_out_text(target, draft, tokens, device):
    """Teacher-forced in windows of one context."""
    nats, agreed, count = [0.0, 0.0], 0, 0
    for windows in tokens.consecutive(target.config.context, 4, device):
        logits = [model(windows[:, :-1]) for model in (target, draft)]
        goal = windows[:, 1:].flatten()
        for index, rows in enumerate(logits):
            nats[index] += F.cross_entropy(rows.flatten(0, 1), goal, reduction="sum").item()
        agreed += (logits[0].argmax(-1) == logits[1].argmax(-1)).sum().item()
        count += goal.numel()
    return {
        "tokens": count, "target_nats": round(nats[0] / count, 4), "draft_nats": round(nats[1] / count, 4),
        "same_argmax": round(agreed / count, 4),
    }


def accept_probability(target_logits, draft_logits, emitted, temperature):
    """[batch, time], from logits [batch, time, vocab] and the tokens that the target emitted."""
    if temperature == 0:
        return (target_logits.argmax(-1) == draft_logits.argmax(-1)).float()
    target, draft = (
        (logits / temperature).softmax(-1).gather(2, emitted[..., None])[..., 0]
        for logits in (target_logits, draft_logits)
    )
    return (draft / target).clamp_max(1)


def accepted_per_pass(accepted, gamma):
    """Mean accepted drafts of a round of `gamma`, over texts given as lists of accepted or not."""
    rounds = total = 0
    for text in accepted:
        at = 0
        while at + gamma < len(text):
            run = text[at : at + gamma]
            count = run.index(False) if False in run else gamma
            rounds, total, at = rounds + 1, total + count, at + count + 1
    return round(total / max(1, rounds), 3)


@torch.no_grad()
def acceptance(target, draft, prompts, count, temperature):
    """prompts [texts, PROMPT_LENGTH]; `count` new tokens each, up to the first </s>."""
    accepted = []
    for some in prompts.split(16):
        text = generate(target, some, count, temperature)
        emitted = text[:, PROMPT_LENGTH:]
        logits = (model(text)[:, PROMPT_LENGTH - 1 : -1] for model in (target, draft))
        share = accept_probability(*logits, emitted, temperature)
        for row, ids in zip(torch.rand_like(share) < share, emitted.tolist()):
            accepted.append(row.tolist()[: ids.index(EOS) if EOS in ids else count])
    flat = [one for text in accepted for one in text]
    per_pass = {f"accepted_per_pass_gamma_{gamma}": accepted_per_pass(accepted, gamma) for gamma in (4, 8)}
    return {"texts": len(accepted), "tokens": len(flat), "acceptance": round(sum(flat) / len(flat), 4), **per_pass}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_common_arguments(parser)
    parser.add_argument("--target", help="checkpoint or GGUF file; default WORK/target.pt")
    parser.add_argument("--draft", help="checkpoint or GGUF file; default WORK/draft.pt")
    parser.add_argument("--texts", type=int, default=96)
    parser.add_argument("--tokens", type=int, default=192, help="new tokens of each text")
    arguments = parser.parse_args()
    work, device = Path(arguments.work), pick_device(arguments.device)
    seed_all(arguments.seed)
    target = load_model(arguments.target or work / "target.pt", device)
    draft = load_model(arguments.draft or work / "draft.pt", device)
    tokens = Tokens(work / "val.bin")
    starts = tokens.starts_before(PROMPT_LENGTH + arguments.tokens + 1)[: arguments.texts]
    prompts = tokens.windows(starts, PROMPT_LENGTH, device)
    results = {"held_out_text": held_out_text(target, draft, tokens, device)}
    for temperature in (0.0, 0.8):
        results[f"temperature_{temperature}"] = acceptance(target, draft, prompts, arguments.tokens, temperature)
    (work / "eval.json").write_text(json.dumps(results, indent=1))
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
