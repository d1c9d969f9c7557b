"""Endless training batches: rooms, views and texts drawn from a seed. Draws nothing twice and stores nothing."""
import dataclasses

import numpy as np
import torch
from render import PALETTE
from room import COLOURS, KINDS, draw_pose, draw_room, in_camera
from tasks import draw_task, look

EOS = 2
TASKS = ("action", "action", "question", "either")
NO_CLASS = 48


@dataclasses.dataclass
class Texts:
    """Several texts a row, one behind the other, all [batch, time]: `numbers` tells the texts of a row apart,
    `positions` count from each one's beginning, `answers` marks where the next token counts."""

    ids: torch.Tensor
    positions: torch.Tensor
    numbers: torch.Tensor
    answers: torch.Tensor


@dataclasses.dataclass
class Batch:
    """pixels [batch, 3, 96, 96] in -1..1; class [batch, n] and place [batch, n, 2] of `patches` and of the `cells` that
    become image tokens: what each shows and where it is; texts, or None."""

    pixels: torch.Tensor
    patches: tuple
    cells: tuple
    texts: Texts


def pixels_of(images):
    """Palette indices [batch, 96, 96] -> [batch, 3, 96, 96] in -1..1."""
    colours = torch.from_numpy(PALETTE[images]).float().mul_(1 / 127.5).sub_(1)
    return colours.permute(0, 3, 1, 2).contiguous()


def encode(processor, prompt, answer):
    """(ids, count of the prompt's) of one text that ends with </s>."""
    before, whole = processor.encode(prompt + "\n"), processor.encode(prompt + "\n" + answer)
    if whole[: len(before)] != before:
        raise ValueError(f"the tokenizer joins {prompt!r} and {answer!r}")
    return [*whole, EOS], len(before)


def pack(rows):
    """rows: of each view a list of (ids, prompt count). Returns Texts, padded behind with a text of its own."""
    time = max(sum(len(ids) for ids, _ in row) for row in rows)
    ids, positions = np.full((len(rows), time), EOS), np.zeros((len(rows), time), np.int64)
    numbers, answers = np.full((len(rows), time), 99), np.zeros((len(rows), time), bool)
    for index, row in enumerate(rows):
        at = 0
        for number, (text, prompt) in enumerate(row):
            end = at + len(text)
            ids[index, at:end], positions[index, at:end] = text, range(len(text))
            numbers[index, at:end], answers[index, at + prompt - 1 : end - 1] = number, True
            at = end
    return Texts(*map(torch.from_numpy, (ids, positions, numbers, answers)))


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


def draw_view(rng):
    """(room, pose, image, owner, sights)."""
    while True:
        room = draw_room(rng)
        pose = draw_pose(rng, room)
        if pose:
            return room, pose, *look(room, pose)


def draw_texts(rng, processor, room, sights, tasks):
    """(ids, prompt count) of one text per task."""
    kinds = [("question", "description")[rng.integers(2)] if task == "either" else task for task in tasks]
    return [encode(processor, *draw_task(rng, room, sights, kind)) for kind in kinds]


def draw_batch(rng, processor, size, encoder, tasks=TASKS):
    """A batch of `size` views, each with one text per task; `tasks` may be empty. `encoder` is its configuration."""
    images, patches, cells, rows = [], [], [], []
    for _ in range(size):
        room, pose, image, owner, sights = draw_view(rng)
        images.append(image)
        patches.append(patch_labels(room, pose, owner, encoder.patch))
        cells.append(patch_labels(room, pose, owner, encoder.patch * encoder.merge))
        rows.append(draw_texts(rng, processor, room, sights, tasks))
    labels = [tuple(torch.from_numpy(np.stack(part)) for part in zip(*labels)) for labels in (patches, cells)]
    return Batch(pixels_of(np.stack(images)), *labels, pack(rows) if tasks else None)
