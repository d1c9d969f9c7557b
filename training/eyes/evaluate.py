#!/usr/bin/env python3
"""Measures the pair on rooms that were never trained on: actions, answers, descriptions, driving, and the draft."""
import argparse
import itertools
import json
import re
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from batches import EOS, Texts, draw_view, pixels_of
from drive import ACTIONS_MAX, draw_errand, is_at
from pair import draft_hidden, load
from room import move
from tasks import VERBS, draw_task, expert, look

SEED, TOKENS_MAX, BATCH = 10**9 + 7, 30, 64


def rows_of(texts):
    """One text a row, padded behind."""
    time = max(map(len, texts))
    ids = torch.tensor([text + [EOS] * (time - len(text)) for text in texts])
    return Texts(ids, torch.arange(time).expand(len(texts), time), torch.zeros_like(ids), None, None)


@torch.no_grad()
def decode(llama, x):
    """Greedy tokens, a list a row without </s>, behind embeddings [batch, time, dim] of prompts of one length."""
    caches, at, out, ended = [[] for _ in llama.blocks], 0, [[] for _ in x], torch.zeros(len(x), dtype=torch.bool)
    for _ in range(TOKENS_MAX):
        end = at + x.shape[1]
        mask = llama.mask[at:end, :end]
        for block, cache in zip(llama.blocks, caches):
            x = block(x, llama.cos[at:end], llama.sin[at:end], mask, cache)
        tokens, at = llama.head(llama.norm(x[:, -1])).argmax(-1), end
        ended |= tokens == EOS
        if ended.all():
            break
        for row, token in enumerate(tokens.tolist()):
            if not ended[row]:
                out[row].append(token)
        x = llama.embed(tokens[:, None])
    return out


@torch.no_grad()
def answer(model, processor, images, prompts):
    """Greedy answers, as token ids without </s>. Prompts of one length are answered together."""
    texts, out = [processor.encode(prompt + "\n") for prompt in prompts], [None] * len(prompts)
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    for _, group in itertools.groupby(order, key=lambda at: len(texts[at])):
        group = list(group)
        for first in range(0, len(group), BATCH):
            batch = group[first : first + BATCH]
            prefix = model.prefix(model.encoder.patches(pixels_of(np.stack([images[at] for at in batch]))))
            ids = torch.tensor([texts[at] for at in batch])
            for at, row in zip(batch, decode(model.llama, torch.cat((prefix, model.llama.embed(ids)), 1))):
                out[at] = row
    return out


def text_of(processor, ids):
    return processor.decode(ids)


def action_of(text):
    """(turn, forward in mm, stop) of an action's JSON, or None."""
    try:
        action = json.loads(text)
        return action["turn"], round(1000 * action["forward"]), action["stop"]
    except (ValueError, KeyError, TypeError):
        return None


def near(first, second):
    """Within one step of turn and of forward; stop is the same."""
    return first and abs(first[0] - second[0]) <= 20 and abs(first[1] - second[1]) <= 600 and first[2] == second[2]


def facts(text):
    return set(re.findall(r"(\w+ \w+) (?:on the (?:left|right)|ahead)", text)), re.findall(
        r"(\w+ \w+ (?:on the left|on the right|ahead))", text
    )


def measure(model, processor, rng, views):
    """Shares right of every kind of task, and what was asked and answered."""
    tasks = []
    for _ in range(views):
        room, _, image, _, sights = draw_view(rng)
        tasks += [(kind, image, *draw_task(rng, room, sights, kind)) for kind in ("action", "question", "description")]
    ids = answer(model, processor, [task[1] for task in tasks], [task[2] for task in tasks])
    said = [text_of(processor, row) for row in ids]
    result = {}
    for kind in ("action", "question", "description"):
        result[kind] = np.mean([text == task[3] for text, task in zip(said, tasks) if task[0] == kind])
    actions = [(action_of(text), action_of(task[3])) for text, task in zip(said, tasks) if task[0] == "action"]
    result["action within one step"] = np.mean([bool(near(*pair)) for pair in actions])
    described = [(facts(text), facts(task[3])) for text, task in zip(said, tasks) if task[0] == "description"]
    told = sum(len(ours[1]) for ours, _ in described)
    result["described things that are there"] = sum(len(ours[0] & true[0]) for ours, true in described) / max(told, 1)
    result["described with the right place"] = sum(len(set(o[1]) & set(t[1])) for o, t in described) / max(told, 1)
    for start in ("Is there", "How far", "How many", "What is", "What colour"):
        result[start] = np.mean([text == task[3] for text, task in zip(said, tasks) if task[2].startswith(start)])
    return result, tasks, ids


def drive_all(model, processor, rng, rooms):
    """Share of errands that end within 1.1 m of the goal, with the model's actions; all robots step together."""
    errands = [[*draw_errand(rng), None] for _ in range(rooms)]
    for count in range(1, ACTIONS_MAX + 1):
        open_ = [errand for errand in errands if errand[3] is None]
        if not open_:
            break
        images = [look(room, pose)[0] for room, pose, _, _ in open_]
        said = answer(model, processor, images, [f"{VERBS[0]} the {errand[2]}." for errand in open_])
        for errand, ids in zip(open_, said):
            action = action_of(text_of(processor, ids))
            if action is None or action[2]:
                errand[3] = count if action and is_at(errand[0], errand[1], errand[2]) else 0
            else:
                errand[1] = move(errand[0], errand[1], action[0], action[1])
    counts = [errand[3] for errand in errands if errand[3]]
    return len(counts) / rooms, float(np.mean(counts)) if counts else 0.0


@torch.no_grad()
def agreement(draft, processor, tasks, ids):
    """Share of the target's greedy tokens that the draft, which has no image, would have drafted, by kind of task."""
    result = {}
    for kind in ("action", "question", "description"):
        rows = [(processor.encode(task[2] + "\n"), row + [EOS]) for task, row in zip(tasks, ids) if task[0] == kind]
        logits = draft.head(draft_hidden(draft, rows_of([prompt + row for prompt, row in rows])))
        hits = [
            (logits[at, len(prompt) - 1 : len(prompt) + len(row) - 1].argmax(-1) == torch.tensor(row)).float()
            for at, (prompt, row) in enumerate(rows)
        ]
        result[kind] = torch.cat(hits).mean().item()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", required=True, type=Path, help="folder of tokenizer.model, target.pt and draft.pt")
    parser.add_argument("--views", type=int, default=1000)
    parser.add_argument("--rooms", type=int, default=100, help="to drive in")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(arguments.work / "tokenizer.model"))
    model = load(arguments.work / "target.pt")[0].eval()
    rng = np.random.default_rng(SEED)
    result, tasks, ids = measure(model, processor, rng, arguments.views)
    for name, share in result.items():
        print(f"{name}: {100 * share:.1f} %", flush=True)
    wrong = [(task[2], task[3], text_of(processor, row)) for task, row in zip(tasks, ids) if task[0] == "action"]
    for line in [line for line in wrong if line[1] != line[2]][:12]:
        print("  asked, right, said:", *line, sep=" | ")
    if (arguments.work / "draft.pt").exists():
        print("draft agrees:", agreement(load(arguments.work / "draft.pt")[0].eval(), processor, tasks, ids))
    if arguments.rooms:
        share, actions = drive_all(model, processor, rng, arguments.rooms)
        print(f"arrived in {100 * share:.1f} % of {arguments.rooms} rooms, {actions:.1f} actions on average")


if __name__ == "__main__":
    main()
