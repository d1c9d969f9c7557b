#!/usr/bin/env python3
"""Drives the robot to goals in random rooms with the scripted expert: how often it arrives, and in how many actions."""
import argparse

import numpy as np
from room import draw_pose, draw_room, move
from tasks import expert, look

ACTIONS_MAX = 40


def is_at(room, pose, name):
    """Whether the robot is within 1.1 m of a thing."""
    goal = next(thing for thing in room.things if f"{thing.colour} {thing.kind}" == name)
    return (goal.x - pose.x) ** 2 + (goal.y - pose.y) ** 2 <= 1100**2


def drive(room, pose, name, policy):
    """Actions until the policy stops within 1.1 m of the goal; None if it stops elsewhere or never."""
    for count in range(1, ACTIONS_MAX + 1):
        image, _, sights = look(room, pose)
        turn, forward, stop = policy(image, sights, name)
        if stop:
            return count if is_at(room, pose, name) else None
        pose = move(room, pose, turn, forward)
    return None


def draw_errand(rng):
    """A room, a pose in it and the name of a thing to go to."""
    while True:
        room = draw_room(rng)
        pose = draw_pose(rng, room)
        if pose:
            thing = room.things[rng.integers(len(room.things))]
            return room, pose, f"{thing.colour} {thing.kind}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    counts = [drive(*draw_errand(rng), lambda _, sights, name: expert(sights, name)) for _ in range(arguments.rooms)]
    arrived = [count for count in counts if count]
    print(f"arrived in {len(arrived)} of {len(counts)} rooms, {np.mean(arrived):.1f} actions on average")


if __name__ == "__main__":
    main()
