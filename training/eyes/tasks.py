"""What is said about a view and what to do in it: sights, descriptions, answers and the scripted expert's actions.
Needs a rendered view, because a thing counts as seen only when enough of its pixels show."""
import dataclasses
import math

import numpy as np
from render import render
from room import COLOURS, KINDS, in_camera

SEEN_PIXELS = 12
STOP_AT, FAR, CORRIDOR = 900, 1700, 420  # mm
SIDEWAYS = 12  # degrees
VERBS = ("Go to", "Find", "Drive to")


@dataclasses.dataclass
class Sight:
    """A thing in the view: `bearing` in degrees, left is positive; `distance` in mm, both to its centre."""

    name: str
    index: int
    bearing: float
    distance: float


def look(room, pose):
    """(image, owner of its pixels, sights from near to far)."""
    image, owner = render(room, pose)
    counts = np.bincount(owner.ravel() + 1, minlength=len(room.things) + 1)[1:]
    sights = []
    for index, thing in enumerate(room.things):
        if counts[index] >= SEEN_PIXELS:
            forward, right = in_camera(pose, thing.x, thing.y)
            bearing, distance = math.degrees(math.atan2(-right, forward)), math.hypot(forward, right)
            sights.append(Sight(f"{thing.colour} {thing.kind}", index, bearing, distance))
    return image, owner, sorted(sights, key=lambda sight: sight.distance)


def action_text(turn, forward, stop):
    """`forward` in mm."""
    return f'{{"turn": {turn}, "forward": {forward / 1000:.1f}, "stop": {"true" if stop else "false"}}}'


def rounded_turn(bearing):
    return max(-60, min(60, math.floor(bearing / 20 + 0.5) * 20))


def in_the_way(sights, goal):
    """The side, left is positive, of the nearest thing on the straight line to the goal; None if it is free."""
    nearest, side = math.inf, None
    for sight in sights:
        angle = math.radians(sight.bearing - goal.bearing)
        along, across = sight.distance * math.cos(angle), sight.distance * math.sin(angle)
        if sight is goal or sight.name.endswith("door") or abs(across) >= CORRIDOR:
            continue
        if 0 < along < min(1100, goal.distance - 300, nearest):
            nearest, side = along, across
    return side


def expert(sights, name):
    """(turn in degrees, forward in mm, stop): the scripted policy that the model learns."""
    goal = next((sight for sight in sights if sight.name == name), None)
    if goal is None:
        return 50, 400, False
    if goal.distance <= STOP_AT:
        return 0, 0, True
    turn = rounded_turn(goal.bearing)
    side = in_the_way(sights, goal)
    if side is not None:
        return max(-60, min(60, turn + (-40 if side >= 0 else 40))), 400, False
    return turn, 1000 if goal.distance >= FAR else 400, False


def article(name):
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def place(bearing):
    return "on the left" if bearing > SIDEWAYS else "on the right" if bearing < -SIDEWAYS else "ahead"


def description(sights):
    """The three nearest, from near to far."""
    parts = [f"{article(sight.name)} {place(sight.bearing)}" for sight in sights[:3]]
    if not parts:
        return "I see no objects."
    return "I see " + (", ".join(parts[:-1]) + " and " if len(parts) > 1 else "") + parts[-1] + "."


def far_answer(sights, name):
    goal = next((sight for sight in sights if sight.name == name), None)
    return f"About {math.floor(goal.distance / 500 + 0.5) / 2:.1f} m." if goal else "I do not see it."


def there_answer(sights, name):
    goal = next((sight for sight in sights if sight.name == name), None)
    return f"Yes, {place(goal.bearing)}." if goal else "No."


def beside_answer(sights, name, to_left):
    """The next thing to the left or right of one that is seen."""
    middle = next(sight.bearing for sight in sights if sight.name == name)
    beside = [(abs(s.bearing - middle), s.name) for s in sights if (s.bearing > middle) == to_left and s.name != name]
    return article(min(beside)[1]).capitalize() + "." if beside else "Nothing."


def draw_name(rng, sights, room, seen):
    """A thing in view with probability `seen`, else one elsewhere in the room, else one that may be nowhere."""
    if sights and rng.random() < seen:
        return sights[rng.integers(len(sights))].name
    if rng.random() < 0.5:
        thing = room.things[rng.integers(len(room.things))]
        return f"{thing.colour} {thing.kind}"
    if sights and rng.random() < 0.6:  # half right: the other half of the name must be read too
        colour, kind = sights[rng.integers(len(sights))].name.split()
        return f"{COLOURS[rng.integers(8)]} {kind}" if rng.random() < 0.5 else f"{colour} {KINDS[rng.integers(6)]}"
    return f"{COLOURS[rng.integers(8)]} {KINDS[rng.integers(6)]}"


def draw_instruction(rng, room, sights):
    """(prompt, answer) of an action."""
    name = draw_name(rng, sights, room, 0.8)
    return f"{VERBS[rng.integers(len(VERBS))]} the {name}.", action_text(*expert(sights, name))


def draw_question(rng, room, sights):
    """(prompt, answer) of a question."""
    kind = rng.integers(5)
    if kind == 0 or not sights:
        name = draw_name(rng, sights, room, 0.6)
        return f"Is there {article(name)}?", there_answer(sights, name)
    if kind == 1:
        name = draw_name(rng, sights, room, 0.9)
        return f"How far is the {name}?", far_answer(sights, name)
    if kind == 2:
        return "How many objects do you see?", f"{len(sights)}."
    name = sights[rng.integers(len(sights))].name
    colour, noun = name.split()
    if kind == 3 and sum(sight.name.endswith(noun) for sight in sights) == 1:
        return f"What colour is the {noun}?", f"{colour.capitalize()}."
    to_left = bool(rng.random() < 0.5)
    return f"What is {'left' if to_left else 'right'} of the {name}?", beside_answer(sights, name, to_left)


def draw_task(rng, room, sights, kind):
    """`kind` is "action", "question" or "description"."""
    if kind == "description":
        return "Describe the scene.", description(sights)
    return (draw_instruction if kind == "action" else draw_question)(rng, room, sights)
