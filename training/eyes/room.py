"""A rectangular room with things and a robot, in whole millimetres and headings of ten degrees; draws nothing.
Everything is integer arithmetic with `//` rounding down, so that another language gives the same numbers."""
import dataclasses
import math

UNIT = 65536
COSINES = [round(UNIT * math.cos(math.radians(10 * step))) for step in range(36)]
SINES = [round(UNIT * math.sin(math.radians(10 * step))) for step in range(36)]

COLOURS = ("red", "green", "blue", "yellow", "white", "black", "orange", "purple")
# Width and height in mm. A door is flat on a wall; the other kinds always face the camera.
SIZES = {
    "chair": (500, 900), "ball": (400, 400), "box": (500, 500), "plant": (500, 1100), "lamp": (400, 1200),
    "door": (900, 2000),
}
KINDS = tuple(SIZES)
WALL_MARGIN, THING_MARGIN = 300, 350  # closest the robot's centre gets to a wall, to a thing's centre


@dataclasses.dataclass
class Thing:
    """`x`, `y` is its centre on the floor; a door's lies on a wall."""

    kind: str
    colour: str
    x: int
    y: int


@dataclasses.dataclass
class Room:
    """Walls at x = 0, x = width, y = 0 and y = depth."""

    width: int
    depth: int
    things: list


@dataclasses.dataclass
class Pose:
    """`heading` counts steps of ten degrees, counter-clockwise from the x axis, 0 to 35."""

    x: int
    y: int
    heading: int


def in_camera(pose, x, y):
    """(forward, right) of a point of the floor in mm."""
    dx, dy = x - pose.x, y - pose.y
    c, s = COSINES[pose.heading], SINES[pose.heading]
    return (dx * c + dy * s) // UNIT, (dx * s - dy * c) // UNIT


def is_free(room, x, y):
    """Whether the robot's centre may be there."""
    inside = WALL_MARGIN <= x <= room.width - WALL_MARGIN and WALL_MARGIN <= y <= room.depth - WALL_MARGIN
    return inside and all(
        thing.kind == "door" or (thing.x - x) ** 2 + (thing.y - y) ** 2 >= THING_MARGIN**2 for thing in room.things
    )


def move(room, pose, turn, forward):
    """The pose after turning `turn` degrees (a multiple of ten, left is positive) and driving `forward` mm in steps
    of 50 mm. A step that is not free slides along x, else along y, else ends the drive."""
    heading = (pose.heading + turn // 10) % 36
    step_x, step_y = 50 * COSINES[heading] // UNIT, 50 * SINES[heading] // UNIT
    x, y = pose.x, pose.y
    for _ in range(forward // 50):
        steps = ((x + step_x, y + step_y), (x + step_x, y), (x, y + step_y))
        x, y = next((step for step in steps if is_free(room, *step)), (x, y))
    return Pose(x, y, heading)


def draw_door(rng, room_width, room_depth):
    side = rng.integers(4)
    along = int(rng.integers(700, (room_depth if side < 2 else room_width) - 700))
    return ((0, along), (room_width, along), (along, 0), (along, room_depth))[side]


def draw_room(rng):
    """A random room of 4 to 7 m a side with 3 to 7 things; no two share both kind and colour."""
    width, depth = (int(rng.integers(4000, 7001)) for _ in range(2))
    names = rng.permutation(len(KINDS) * len(COLOURS))[: rng.integers(3, 8)]
    things = []
    for name in names:
        kind, colour = KINDS[name // len(COLOURS)], COLOURS[name % len(COLOURS)]
        for _ in range(20):
            x, y = int(rng.integers(450, width - 449)), int(rng.integers(450, depth - 449))
            if kind == "door":
                x, y = draw_door(rng, width, depth)
            if all((thing.x - x) ** 2 + (thing.y - y) ** 2 >= 900**2 for thing in things):
                things.append(Thing(kind, colour, x, y))
                break
    return Room(width, depth, things)


def draw_pose(rng, room):
    """A random free pose; most of them look towards a thing from at most 3 m."""
    for _ in range(200):
        heading = int(rng.integers(36))
        if rng.random() < 0.3:
            x = int(rng.integers(WALL_MARGIN, room.width - WALL_MARGIN + 1))
            y = int(rng.integers(WALL_MARGIN, room.depth - WALL_MARGIN + 1))
        else:
            thing = room.things[rng.integers(len(room.things))]
            away = float(rng.uniform(500, 3000))
            side = float(rng.uniform(0, 2 * math.pi))
            x, y = int(thing.x + away * math.cos(side)), int(thing.y + away * math.sin(side))
            heading = round(math.degrees(side) / 10 + 18 + float(rng.uniform(-4, 4))) % 36
        if is_free(room, x, y):
            return Pose(x, y, heading)
    return None
