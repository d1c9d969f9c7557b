"""Endless training batches: rooms, views and texts drawn from a seed. Draws nothing twice and stores nothing."""
import dataclasses
import re

import numpy as np
import torch
from render import PALETTE
from room import COLOURS, KINDS, draw_pose, draw_room, in_camera
from tasks import VERBS, action_text, draw_name, draw_task, expert, in_the_way, look

EOS = 2
TASKS = ("hard action", "hard action", "hard action", "either")
NAMED = re.compile(r"(\w+ \w+)[.?]$")
SHORT = 0.8  # share of hard actions that end before "stop", which follows from what stands before it
NO_CLASS = 48


@dataclasses.dataclass
class Texts:
    """Several texts a row, one behind the other, all [batch, time]: `numbers` tells the texts of a row apart,
    `positions` count from each one's beginning, `answers` marks where the next token counts. `ends` [batch, texts] are
    places of the last tokens of the prompts."""

    ids: torch.Tensor
    positions: torch.Tensor
    numbers: torch.Tensor
    answers: torch.Tensor
    ends: torch.Tensor


@dataclasses.dataclass
class Goals:
    """Of every text [batch, texts]: whether it names a thing, whether that is seen, its bearing in degrees and distance
    in mm, on which side something is in the way (0 nowhere, 1 right, 2 left; -1 unless an action), and its share
    of the pixels of every cell [batch, texts, cells]."""

    named: torch.Tensor
    seen: torch.Tensor
    bearing: torch.Tensor
    distance: torch.Tensor
    way: torch.Tensor
    cells: torch.Tensor


@dataclasses.dataclass
class Batch:
    """pixels [batch, 3, 96, 96] in -1..1; class [batch, n] and place [batch, n, 2] of `patches` and of the `cells` that
    become image tokens: what each shows and where it is; `contents` [batch, cells, 48], all that a cell shows;
    texts and goals, or None."""

    pixels: torch.Tensor
    patches: tuple
    cells: tuple
    contents: torch.Tensor
    texts: Texts
    goals: Goals


def pixels_of(images):
    """Palette indices [batch, 96, 96] -> [batch, 3, 96, 96] in -1..1."""
    colours = torch.from_numpy(PALETTE[images]).float().mul_(1 / 127.5).sub_(1)
    return colours.permute(0, 3, 1, 2).contiguous()


def encode(processor, prompt, answer, short=False):
    """(ids, count of the prompt's) of one text that ends with </s>, or, if `short`, before "stop"."""
    if short:
        answer = answer[: answer.index(', "stop"')]
    before, whole = processor.encode(prompt + "\n"), processor.encode(prompt + "\n" + answer)
    if whole[: len(before)] != before:
        raise ValueError(f"the tokenizer joins {prompt!r} and {answer!r}")
    return (whole if short else [*whole, EOS]), len(before)


def pack(rows):
    """rows: of each view a list of (ids, prompt count). Returns Texts, padded behind with a text of its own."""
    time = max(sum(len(ids) for ids, _ in row) for row in rows)
    ids, positions = np.full((len(rows), time), EOS), np.zeros((len(rows), time), np.int64)
    numbers, answers = np.full((len(rows), time), 99), np.zeros((len(rows), time), bool)
    ends = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for index, row in enumerate(rows):
        at = 0
        for number, (text, prompt) in enumerate(row):
            end = at + len(text)
            ids[index, at:end], positions[index, at:end] = text, range(len(text))
            numbers[index, at:end], answers[index, at + prompt - 1 : end - 1] = number, True
            ends[index, number] = at + prompt - 1
            at = end
    return Texts(*map(torch.from_numpy, (ids, positions, numbers, answers, ends)))


def patch_labels(room, pose, owner, patch):
    """The thing with most pixels of every patch: its class, and tangent of its bearing and a nearness."""
    grid = len(owner) // patch
    cut = owner.reshape(grid, patch, grid, patch).transpose(0, 2, 1, 3).reshape(grid * grid, -1) + 1
    counts = np.stack([(cut == index + 1).sum(1) for index in range(len(room.things))], 1)
    best, shown = counts.argmax(1), counts.max(1) >= 4
    classes, places = [], []
    for thing in room.things:
        forward, right = in_camera(pose, thing.x, thing.y)
        classes.append(KINDS.index(thing.kind) * 8 + COLOURS.index(thing.colour))
        forward = max(forward, 200)
        places.append((2 * right / forward, 1500 / np.hypot(forward, right)))
    places = np.clip(np.array(places, np.float32), -3, 3)
    return np.where(shown, np.array(classes)[best], NO_CLASS), (places[best] * shown[:, None]).astype(np.float32)


def cell_counts(room, owner, size):
    """Pixels of every thing in every cell, [things, cells]."""
    grid = len(owner) // size
    cut = owner.reshape(grid, size, grid, size).transpose(0, 2, 1, 3).reshape(grid * grid, -1)
    return np.stack([(cut == index).sum(1) for index in range(len(room.things))])


def contents_of(room, counts):
    """Which of the 48 names every cell shows, [cells, 48]."""
    out = np.zeros((counts.shape[1], NO_CLASS), np.float32)
    for thing, row in zip(room.things, counts):
        out[row >= 4, KINDS.index(thing.kind) * 8 + COLOURS.index(thing.colour)] = 1
    return out


def harden(rng, room):
    """Gives some things the colour or the kind of another, in place; no two share both. Doors keep their kind."""
    names = {(thing.kind, thing.colour) for thing in room.things}
    for index in range(1, len(room.things)):
        thing, other = room.things[index], room.things[rng.integers(index)]
        if rng.random() < 0.35:
            continue
        colour = rng.random() < 0.6 or "door" in (thing.kind, other.kind)
        name = (thing.kind, other.colour) if colour else (other.kind, thing.colour)
        if name not in names:
            names.remove((thing.kind, thing.colour))
            names.add(name)
            thing.kind, thing.colour = name


def draw_view(rng, hard=0.0):
    """(room, pose, image, owner, sights); with probability `hard` of a room of things that are alike."""
    while True:
        room = draw_room(rng)
        if hard and rng.random() < hard:  # a draw for nothing would change the rooms of golden.json
            harden(rng, room)
        pose = draw_pose(rng, room)
        if pose:
            return room, pose, *look(room, pose)


def alike(name, other):
    return name != other and bool(set(name.split()) & set(other.split()))


def hard_name(rng, room, sights):
    """A thing to go to: mostly one in view, rather one that is like another; else often half of one in view."""
    chance = rng.random()
    if not sights or chance > 0.94:
        return draw_name(rng, sights, room, 0)
    names = [sight.name for sight in sights]
    if chance < 0.72:
        weights = np.array([1 + 2 * any(alike(name, other) for other in names) for name in names], float)
        return names[rng.choice(len(names), p=weights / weights.sum())]
    colour, kind = names[rng.integers(len(names))].split()
    return f"{COLOURS[rng.integers(8)]} {kind}" if rng.random() < 0.5 else f"{colour} {KINDS[rng.integers(6)]}"


def draw_text(rng, room, sights, task):
    """(prompt, answer, whether the answer is cut)."""
    if task == "either":
        task = ("question", "description")[rng.integers(2)]
    if task == "hard action":
        name = hard_name(rng, room, sights)
        prompt = f"{VERBS[rng.integers(len(VERBS))]} the {name}."
        return prompt, action_text(*expert(sights, name)), rng.random() < SHORT
    return *draw_task(rng, room, sights, task), False


def draw_texts(rng, processor, room, sights, tasks):
    """(ids, prompt count) of one text per task."""
    return [encode(processor, *draw_text(rng, room, sights, task)) for task in tasks]


def goal_of(room, sights, counts, prompt, task):
    """One entry of every field of Goals."""
    match = NAMED.search(prompt)
    name = match[1] if match and prompt[0] != "W" else ""
    goal = next((sight for sight in sights if sight.name == name), None)
    cells = np.zeros(counts.shape[1], np.float32)
    if goal is None:
        return bool(name), False, 0.0, 0.0, -1, cells
    side = in_the_way(sights, goal) if task.endswith("action") else None
    way = -1 if not task.endswith("action") else 0 if side is None else 2 if side >= 0 else 1
    cells += counts[goal.index] / counts[goal.index].sum()
    return True, True, goal.bearing, goal.distance, way, cells


def draw_batch(rng, processor, size, encoder, tasks=TASKS, hard=0.0):
    """A batch of `size` views, each with one text per task; `tasks` may be empty. `encoder` is its configuration."""
    images, patches, cells, contents, rows, goals = [], [], [], [], [], []
    for _ in range(size):
        room, pose, image, owner, sights = draw_view(rng, hard)
        images.append(image)
        patches.append(patch_labels(room, pose, owner, encoder.patch))
        cells.append(patch_labels(room, pose, owner, encoder.patch * encoder.merge))
        counts = cell_counts(room, owner, encoder.patch * encoder.merge)
        contents.append(contents_of(room, counts))
        texts = [draw_text(rng, room, sights, task) for task in tasks]
        rows.append([encode(processor, *text) for text in texts])
        goals.append([goal_of(room, sights, counts, text[0], task) for text, task in zip(texts, tasks)])
    labels = [tuple(torch.from_numpy(np.stack(part)) for part in zip(*labels)) for labels in (patches, cells)]
    contents, pixels = torch.from_numpy(np.stack(contents)), pixels_of(np.stack(images))
    if not tasks:
        return Batch(pixels, *labels, contents, None, None)
    fields = [torch.tensor(np.array([[goal[at] for goal in row] for row in goals])) for at in range(6)]
    return Batch(pixels, *labels, contents, pack(rows), Goals(*fields))
