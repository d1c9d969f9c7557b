#!/usr/bin/env python3
"""Trains encoder and language model together, from scratch or from exported files, on endless drawn rooms. First the
encoder alone learns what every patch shows and where it is (helper heads that are not exported), then both learn to
answer. The rate stays flat, then falls to nothing in the last part; both follow the processor time of this process, so
that a busy machine or a pause changes nothing. A file `finish` in the work folder, with minutes in it, begins the fall
at once or goes on with it, to end after so many.
Muon on matrices inside the blocks, AdamW on the rest."""
import argparse
import os
import time
from pathlib import Path

import numpy as np
import sentencepiece
import torch
import torch.distributed
import torch.nn.functional as F
from batches import NO_CLASS, TASKS, draw_batch
from export import read_pair
from muon import Muon
from pair import Pair, load, run_texts, save
from room import COLOURS, KINDS
from torch import multiprocessing, nn

ADAM_RATE, MUON_RATE = 1.5e-3, 0.015
WARM_UP_STEPS = 60
HELPER_WEIGHT, WORD_WEIGHT, SIDES_WEIGHT, CONTENTS_WEIGHT, GOAL_WEIGHT = 0.3, 0.2, 0.2, 0.15, 0.4
HARD = 0.6  # share of rooms of things that are alike
# Where answers change, and some between.
BEARINGS = (*range(-55, 56, 10), -12, 12)
DISTANCES = (*range(750, 5751, 500), 900, 1300, 1700)
LOG_SECONDS, SAVE_SECONDS, CHECK_SECONDS = 15, 120, 150
CHECK_SEED = 10**9  # of views that are never trained on


class Helper(nn.Module):
    """Reads class, place, and on which side of every threshold of bearing and distance a thing lies; only for training.
    `dim` is of patches, `out` of image tokens and of the language model."""

    def __init__(self, dim, out):
        super().__init__()
        sides = len(BEARINGS) + len(DISTANCES)
        self.head = nn.Linear(dim, NO_CLASS + 1 + 2)
        self.patch_sides, self.token_sides = (nn.Linear(width, sides) for width in (dim, out))
        self.contents = nn.Linear(out, NO_CLASS)
        self.query, self.key = nn.Linear(out, 48, bias=False), nn.Linear(out, 48, bias=False)
        self.goal, self.way = nn.Linear(out, 1 + sides), nn.Linear(out, 3)
        for part in (self.contents, self.goal):
            nn.init.zeros_(part.weight)

    def patch_loss(self, patches, labels):
        """(loss, share of patches with the right class), labels as of batches.Batch.patches."""
        kind, place = labels
        out = self.head(patches)
        shown = kind != NO_CLASS
        weight = torch.ones(NO_CLASS + 1)
        weight[NO_CLASS] = 0.3
        class_loss = F.cross_entropy(out[..., : NO_CLASS + 1].flatten(0, 1), kind.flatten(), weight)
        place_loss = F.smooth_l1_loss(out[..., NO_CLASS + 1 :][shown], place[shown], beta=0.1)
        right = (out[..., : NO_CLASS + 1].argmax(-1) == kind)[shown].float().mean().item()
        return class_loss + 2 * place_loss + sides_loss(self.patch_sides, patches, labels), right

    def token_loss(self, tokens, batch):
        """Of image tokens: the sides of what each shows most of, and all names that it shows, colour with kind."""
        every = F.binary_cross_entropy_with_logits(self.contents(tokens), batch.contents, reduction="none").sum(-1)
        return SIDES_WEIGHT * sides_loss(self.token_sides, tokens, batch.cells) + CONTENTS_WEIGHT * every.mean()

    def goal_loss(self, tokens, streams, batch):
        """At the line break behind a prompt that names a thing: behind the first block the stream points at the image
        tokens that show it, behind the second it tells where that is, behind the third what is in the way. So what an
        answer needs is learned from a prompt at once, and colour and kind are sought together."""
        goals, ends = batch.goals, batch.texts.ends
        at = [s.gather(1, ends[..., None].expand(-1, -1, s.shape[-1])) for s in streams[:3]]
        points = self.query(at[0]) @ self.key(tokens).transpose(-1, -2)
        pointed = -(goals.cells.float() * points.log_softmax(-1)).sum(-1)[goals.seen].mean()
        out = self.goal(at[1])[goals.named]
        seen = F.binary_cross_entropy_with_logits(out[:, 0], goals.seen[goals.named].float())
        known = goals.seen
        beyond = sides_of(goals.bearing[known], goals.distance[known])
        sides = F.binary_cross_entropy_with_logits(self.goal(at[1])[known][:, 1:], beyond, reduction="none")
        asked = goals.way >= 0
        way = F.cross_entropy(self.way(at[2])[asked], goals.way[asked])
        return pointed / 2 + seen + sides.sum(1).mean() / 4 + way


def sides_of(bearing, distance):
    """[n] degrees and [n] mm -> [n, thresholds]: beyond, or not."""
    beyond = bearing[:, None] > torch.tensor(BEARINGS), distance[:, None] > torch.tensor(DISTANCES)
    return torch.cat(beyond, 1).float()


def sides_loss(head, features, labels):
    """A quarter of the sum over thresholds of the cross-entropy of being beyond, where anything is shown."""
    kind, place = labels
    shown = kind != NO_CLASS
    right, nearness = place[shown].unbind(-1)
    beyond = sides_of(-torch.rad2deg(torch.atan(right / 2)), 1500 / nearness.clamp_min(0.1))
    loss = F.binary_cross_entropy_with_logits(head(features[shown]), beyond, reduction="none")
    return loss.sum(1).mean() / 4


def word_loss(model, processor, tokens, labels):
    """Pulls image tokens towards the embeddings of the words for what they show, so that the language model can match
    both at once. tokens [batch, 16, dim], labels as of batches.Batch.cells."""
    shown = labels[0] != NO_CLASS
    label = labels[0][shown]
    flat = F.normalize(tokens[shown], dim=-1)
    loss = 0
    for words, goal in ((KINDS, torch.div(label, 8, rounding_mode="floor")), (COLOURS, label % 8)):
        ids = torch.tensor([processor.encode(word)[0] for word in words])
        loss = loss + F.cross_entropy(10 * flat @ F.normalize(model.llama.embed(ids), dim=-1).t(), goal)
    return loss


class Optimisers:
    def __init__(self, model, helper, dtype):
        blocks = [w for part in (model.encoder, model.llama) for block in part.blocks for w in block.parameters()]
        matrices = [w for w in blocks if w.dim() == 2]
        inside = {id(w) for w in matrices}
        self.rest = [w for part in (model, helper) for w in part.parameters() if id(w) not in inside]
        self.adam = torch.optim.AdamW(self.rest, lr=ADAM_RATE, betas=(0.9, 0.98), eps=1e-9, weight_decay=0.0)
        self.encoder_muon = Muon([w for w in matrices[: 7 * len(model.encoder.blocks)]], dtype)
        self.muon = Muon(matrices[7 * len(model.encoder.blocks) :], dtype)

    def step(self, share, joint):
        nn.utils.clip_grad_norm_([w for w in self.rest if w.grad is not None], 1.0)
        self.adam.param_groups[0]["lr"] = ADAM_RATE * share
        self.adam.step()
        self.encoder_muon.step(MUON_RATE * share)
        if joint:
            self.muon.step(MUON_RATE * share)

    def state(self):
        buffers = [list(muon.buffers.values()) for muon in (self.encoder_muon, self.muon)]
        return {"adam": self.adam.state_dict(), "muon": buffers}

    def restore(self, state):
        self.adam.load_state_dict(state["adam"])
        for muon, buffers in zip((self.encoder_muon, self.muon), state["muon"]):
            for shape, buffer in zip(muon.buffers, buffers):
                muon.buffers[shape] = buffer


def text_loss(model, prefix, texts, streams=None):
    """Mean cross-entropy in nats of the answers' tokens, and which answers are right from end to end, row by row."""
    marked = texts.answers
    logits = model.llama.head(run_texts(model.llama, prefix, texts, streams)[marked]).float()
    goal = texts.ids.roll(-1, 1)[marked]
    wrong = torch.zeros(marked.shape)
    wrong[marked] = (logits.argmax(-1) != goal).float()
    counts = torch.stack([(wrong * (texts.numbers == n)).sum(1) for n in range(texts.ends.shape[1])], 1)
    return F.cross_entropy(logits, goal), counts == 0


@torch.no_grad()
def check(model, helper, processor, views=384):
    """Shares right on held-out views: patches, actions, questions, descriptions."""
    rng, rows = np.random.default_rng(CHECK_SEED), []
    for _ in range(views // 32):
        batch = draw_batch(rng, processor, 32, model.encoder.config, ("action", "question", "description"))
        patches = model.encoder.patches(batch.pixels).float()
        right = text_loss(model, model.prefix(patches), batch.texts)[1].float().mean(0)[:3]
        rows.append([helper.patch_loss(patches, batch.patches)[1], *right.tolist()])
    return np.mean(rows, 0)


def rate_share(step, done, fall):
    """Share of the full rate: warm-up, flat, then in the last `fall` of the run down a line to 1 %."""
    return min(1, (step + 1) / WARM_UP_STEPS) * max(0.01, min(1, (1 - done) / fall))


def losses_of(model, helper, processor, batch):
    """(loss of everything, losses to print)."""
    patches = model.encoder.patches(batch.pixels).float()
    prefix = model.prefix(patches).float()
    tokens = prefix[:, 1:]
    seen, _ = helper.patch_loss(patches, batch.patches)
    loss = HELPER_WEIGHT * seen + WORD_WEIGHT * word_loss(model, processor, tokens, batch.cells)
    loss = loss + helper.token_loss(tokens, batch)
    if batch.texts is None:
        return loss, (seen.item(), 0, 0)
    streams = []
    spoken, _ = text_loss(model, prefix, batch.texts, streams)
    goal = helper.goal_loss(tokens, [stream.float() for stream in streams], batch)
    return loss + spoken + GOAL_WEIGHT * goal, (seen.item(), goal.item(), spoken.item())


def average(weights, numbers, processes):
    """Averages the gradients of `weights`, in place, and `numbers` over the processes; returns the latter."""
    if processes == 1:
        return numbers
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    flat = torch.cat([*(gradient.flatten() for gradient in gradients), torch.tensor(numbers)])
    torch.distributed.all_reduce(flat)
    flat /= processes
    at = 0
    for gradient in gradients:
        gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
        at += gradient.numel()
    return flat[at:].tolist()


def train(model, helper, optimisers, processor, state, arguments, rank):
    path = arguments.work / f"{arguments.name}.pt"
    finish = arguments.work / "finish"
    weights = [*model.parameters(), *helper.parameters()]
    before = state["cpu"] - time.process_time()
    now = logged = saved = checked = state["cpu"]
    losses, views_since, wall = [], 0, time.time()
    bfloat16 = arguments.products == "bfloat16"
    while True:
        done = now / state["total"]
        joint = now >= arguments.alone * 60
        size = arguments.batch * (1 if joint else 2)
        batch = draw_batch(state["rng"], processor, size, model.encoder.config, TASKS if joint else (), HARD)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss, parts = losses_of(model, helper, processor, batch)
        loss.backward()
        minutes = 0.0
        if rank == 0 and finish.exists():
            minutes = float(finish.read_text() or 3)
            finish.unlink()
        now, minutes = average(weights, [before + time.process_time(), minutes], arguments.processes)
        state["cpu"] = now
        if minutes:
            left, share = 60 * minutes * arguments.processes, rate_share(WARM_UP_STEPS, done, state["fall"])
            state |= {"total": now + left, "fall": left / (now + left) / share}
        warm = state["joint_step"] if joint else state["step"]
        optimisers.step(rate_share(warm, done, state["fall"]), joint)
        model.zero_grad(set_to_none=True)
        helper.zero_grad(set_to_none=True)
        state["step"] += 1
        state["joint_step"] += joint
        views_since += size * arguments.processes
        losses.append(parts)
        if rank:
            if done >= 1:
                return
            continue
        if now - logged > LOG_SECONDS:
            mean = np.mean(losses, 0)
            speed, awake = views_since / (now - logged), (now - logged) / (time.time() - wall)
            print(
                f"{state['step']} {done:.3f} patches {mean[0]:.3f} goal {mean[1]:.3f} text {mean[2]:.4f} "
                f"{speed:.1f} views/s of processor time, {100 * awake:.0f} % of the time", flush=True,
            )
            logged, losses, views_since, wall = now, [], 0, time.time()
        if joint and now - checked > CHECK_SECONDS or done >= 1:
            shares = check(model, helper, processor)
            print("right: patches %.3f actions %.3f questions %.3f descriptions %.3f" % tuple(shares), flush=True)
            checked = now
        if now - saved > SAVE_SECONDS or done >= 1:
            part = path.with_suffix(".tmp")
            save(part, model, helper=helper.state_dict(), optimisers=optimisers.state(), state=state)
            part.replace(path)
            saved = now
        if done >= 1 or (arguments.steps and state["step"] >= arguments.steps):
            return


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", required=True, type=Path, help="folder of tokenizer.model and the checkpoint")
    parser.add_argument("--name", default="target", help="checkpoint NAME.pt; resumed if it is there")
    parser.add_argument("--from", dest="start", type=Path, help="folder of exported files to begin with")
    parser.add_argument("--minutes", type=float, default=60, help="of processor time, of the whole run")
    parser.add_argument("--alone", type=float, default=4, help="minutes of them in which only the encoder learns")
    parser.add_argument("--fall", type=float, default=0.45, help="last share of the run, in which the rate falls")
    parser.add_argument("--batch", type=int, default=48, help="views a step; twice while the encoder is alone")
    parser.add_argument("--products", choices=("float32", "bfloat16"), default="float32", help="precision of products")
    parser.add_argument("--steps", type=int, default=0, help="stop after so many, for trials")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1, help="average gradients, each of --batch views")
    arguments = parser.parse_args()
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": os.environ.get("MASTER_PORT", "29517")}
    multiprocessing.spawn(run, (arguments,), arguments.processes)


def run(rank, arguments):
    if arguments.processes > 1:
        torch.distributed.init_process_group("gloo", rank=rank, world_size=arguments.processes)
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(arguments.work / "tokenizer.model"))
    model = read_pair(arguments.start) if arguments.start else Pair()
    helper = Helper(model.encoder.config.dim, model.encoder.config.out)
    state = {"cpu": 0.0, "step": 0, "joint_step": 0, "rng": np.random.default_rng(arguments.seed)}
    state |= {"total": 60 * arguments.minutes, "fall": arguments.fall}
    optimisers = Optimisers(model, helper, getattr(torch, arguments.products))
    checkpoint = arguments.work / f"{arguments.name}.pt"
    if checkpoint.exists():
        stored_model, stored = load(checkpoint)
        model.load_state_dict(stored_model.state_dict())
        helper.load_state_dict(stored["helper"])
        optimisers.restore(stored["optimisers"])
        state = stored["state"]
    if rank:
        state["rng"] = np.random.default_rng([arguments.seed, rank, state["step"]])
    parameters = [sum(w.numel() for w in part.parameters()) for part in (model.encoder, model.llama)]
    print(f"encoder {parameters[0]}, language model {parameters[1]} parameters", flush=True)
    train(model, helper, optimisers, processor, state, arguments, rank)


if __name__ == "__main__":
    main()
