#!/usr/bin/env python3
"""Trains encoder and language model together, from scratch, on endless drawn rooms. First the encoder alone learns what
every patch shows and where it is (helper heads that are not exported), then both learn to answer.
The learning rate follows the clock for --minutes, so the run fits a busy machine; a checkpoint every few
minutes makes it resumable. Muon on matrices inside the blocks, AdamW on the rest."""
import argparse
import time
from pathlib import Path

import numpy as np
import sentencepiece
import torch
import torch.nn.functional as F
from batches import NO_CLASS, TASKS, draw_batch
from muon import Muon
from pair import Pair, load, run_texts, save
from room import COLOURS, KINDS
from torch import nn

ADAM_RATE, MUON_RATE = 1.2e-3, 0.012
WARM_UP_STEPS = 100
HELPER_WEIGHT, WORD_WEIGHT, SIDES_WEIGHT = 0.5, 0.2, 0.2
# Where answers change, and some between.
BEARINGS = (*range(-55, 56, 10), -12, 12)
DISTANCES = (*range(750, 5751, 500), 900, 1300, 1700)
LOG_SECONDS, SAVE_SECONDS, CHECK_SECONDS = 5, 180, 300
CHECK_SEED = 10**9  # of views that are never trained on


class Helper(nn.Module):
    """Reads class, place, and on which side of every threshold of bearing and distance a thing lies; only for training.
    `dim` is of patches, `out` of image tokens."""

    def __init__(self, dim, out):
        super().__init__()
        self.head = nn.Linear(dim, NO_CLASS + 1 + 2)
        self.patch_sides, self.token_sides = (nn.Linear(width, len(BEARINGS) + len(DISTANCES)) for width in (dim, out))

    def forward(self, patches, labels):
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


def sides_loss(head, features, labels):
    """A quarter of the sum over thresholds of the cross-entropy of being beyond, where anything is shown."""
    kind, place = labels
    shown = kind != NO_CLASS
    right, nearness = place[shown].unbind(-1)
    bearing = -torch.rad2deg(torch.atan(right / 2))[:, None]
    distance = 1500 / nearness.clamp_min(0.1)[:, None]
    beyond = torch.cat((bearing > torch.tensor(BEARINGS), distance > torch.tensor(DISTANCES)), 1).float()
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
    def __init__(self, model, helper):
        blocks = [w for part in (model.encoder, model.llama) for block in part.blocks for w in block.parameters()]
        matrices = [w for w in blocks if w.dim() == 2]
        inside = {id(w) for w in matrices}
        self.rest = [w for part in (model, helper) for w in part.parameters() if id(w) not in inside]
        self.adam = torch.optim.AdamW(self.rest, lr=ADAM_RATE, betas=(0.9, 0.98), eps=1e-9, weight_decay=0.0)
        self.encoder_muon = Muon([w for w in matrices[: 7 * len(model.encoder.blocks)]], torch.float32)
        self.muon = Muon(matrices[7 * len(model.encoder.blocks) :], torch.float32)

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


def text_loss(model, prefix, texts):
    """Mean cross-entropy in nats of the answers' tokens, and which answers are right from end to end, row by row."""
    marked = texts.answers
    logits = model.llama.head(run_texts(model.llama, prefix, texts)[marked])
    goal = texts.ids.roll(-1, 1)[marked]
    wrong = torch.zeros(marked.shape)
    wrong[marked] = (logits.argmax(-1) != goal).float()
    counts = torch.stack([(wrong * (texts.numbers == n)).sum(1) for n in range(len(TASKS))], 1)
    return F.cross_entropy(logits, goal), counts == 0


@torch.no_grad()
def check(model, helper, processor, views=256):
    """Shares right on held-out views: patches, actions, questions, descriptions."""
    rng, rows = np.random.default_rng(CHECK_SEED), []
    for _ in range(views // 32):
        batch = draw_batch(rng, processor, 32, model.encoder.config, ("action", "question", "description"))
        patches = model.encoder.patches(batch.pixels)
        right = text_loss(model, model.prefix(patches), batch.texts)[1].float().mean(0)[:3]
        rows.append([helper(patches, batch.patches)[1], *right.tolist()])
    return np.mean(rows, 0)


def rate_share(step, done):
    """Share of the full rate: warm-up, flat to a third of the time, then down a line to 2 %."""
    decay = 1 if done < 0.33 else 0.02 + 0.98 * max(0, 1 - done) / 0.67
    return min(1, (step + 1) / WARM_UP_STEPS) * decay


def train(model, helper, optimisers, processor, state, arguments):
    path = arguments.work / f"{arguments.name}.pt"
    logged = saved = checked = time.time()
    losses, views_since = [], 0
    joint_step = state.get("joint_step", 0)
    while True:
        done = (time.time() - state["start"]) / (state["until"] - state["start"])
        joint = done >= arguments.alone
        size = arguments.batch * (1 if joint else 2)
        batch = draw_batch(state["rng"], processor, size, model.encoder.config, TASKS if joint else ())
        patches = model.encoder.patches(batch.pixels)
        prefix = model.prefix(patches)
        helper_loss, _ = helper(patches, batch.patches)
        loss = HELPER_WEIGHT * helper_loss + WORD_WEIGHT * word_loss(model, processor, prefix[:, 1:], batch.cells)
        loss = loss + SIDES_WEIGHT * sides_loss(helper.token_sides, prefix[:, 1:], batch.cells)
        spoken = torch.zeros(())
        if joint:
            spoken, _ = text_loss(model, prefix, batch.texts)
            loss = loss + spoken
            joint_step += 1
        loss.backward()
        warm = joint_step if joint else state["step"]
        optimisers.step(rate_share(warm, done), joint)
        model.zero_grad(set_to_none=True)
        helper.zero_grad(set_to_none=True)
        state["step"] += 1
        state["joint_step"] = joint_step
        views_since += size
        losses.append((helper_loss.item(), spoken.item()))
        now = time.time()
        if now - logged > LOG_SECONDS:
            mean = np.mean(losses, 0)
            speed = views_since / (now - logged)
            print(f"{state['step']} {done:.3f} helper {mean[0]:.3f} text {mean[1]:.4f} {speed:.1f} views/s", flush=True)
            logged, losses, views_since = now, [], 0
        if now - checked > CHECK_SECONDS or done >= 1:
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
    parser.add_argument("--minutes", type=float, default=85, help="of the whole run, by the clock")
    parser.add_argument("--alone", type=float, default=0.12, help="share of the time in which only the encoder learns")
    parser.add_argument("--batch", type=int, default=32, help="views a step, of 4 texts each; twice as many while the encoder learns alone")
    parser.add_argument("--steps", type=int, default=0, help="stop after so many, for trials")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(arguments.work / "tokenizer.model"))
    model = Pair()
    helper = Helper(model.encoder.config.dim, model.encoder.config.out)
    now = time.time()
    rng = np.random.default_rng(arguments.seed)
    state = {"start": now, "until": now + 60 * arguments.minutes, "step": 0, "rng": rng}
    optimisers = Optimisers(model, helper)
    checkpoint = arguments.work / f"{arguments.name}.pt"
    if checkpoint.exists():
        stored_model, stored = load(checkpoint)
        model.load_state_dict(stored_model.state_dict())
        helper.load_state_dict(stored["helper"])
        optimisers.restore(stored["optimisers"])
        state = stored["state"]
    parameters = [sum(w.numel() for w in part.parameters()) for part in (model.encoder, model.llama)]
    print(f"encoder {parameters[0]}, language model {parameters[1]} parameters", flush=True)
    train(model, helper, optimisers, processor, state, arguments)


if __name__ == "__main__":
    main()
