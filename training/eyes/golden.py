#!/usr/bin/env python3
"""Writes golden.json: views, sights, actions and moves that a port of room.py, render.py and tasks.py must repeat."""
import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np
from batches import draw_view
from render import PALETTE
from room import move
from tasks import description, expert

SEED, VIEWS = 42, 8


def runs(row):
    """A row of palette indices as [index, count, index, count, ...]."""
    starts = np.flatnonzero(np.diff(row, prepend=-1))
    counts = np.diff(np.append(starts, len(row)))
    return [int(value) for pair in zip(row[starts], counts) for value in pair]


def case_of(room, pose, image, sights):
    name = sights[-1].name
    turn, forward, stop = expert(sights, name)
    return {
        "room": dataclasses.asdict(room), "pose": dataclasses.asdict(pose),
        "rows": [runs(row.astype(int)) for row in image],
        "sights": [[s.name, round(s.bearing, 6), round(s.distance, 6)] for s in sights],
        "description": description(sights), "goal": name, "action": [turn, forward, stop],
        "moved": dataclasses.asdict(move(room, pose, turn, forward)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=Path(__file__).with_name("golden.json"), type=Path)
    arguments = parser.parse_args()
    rng, cases = np.random.default_rng(SEED), []
    while len(cases) < VIEWS:
        room, pose, image, _, sights = draw_view(rng)
        if len(sights) >= 2:
            cases.append(case_of(room, pose, image, sights))
    text = json.dumps({"palette": PALETTE.tolist(), "cases": cases}, separators=(",", ":"))
    arguments.out.write_text(text.replace('},{"room"', '},\n{"room"') + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
