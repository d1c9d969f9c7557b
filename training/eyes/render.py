"""What the robot's camera sees: 96 x 96 pixels, flat colours, integers only. README.md has the rules as a
specification. Never draws text or chooses actions."""
import numpy as np
from room import COLOURS, COSINES, SINES, SIZES, UNIT, in_camera

SIDE, FOCAL = 96, 64  # pixels
EYE, WALL_HEIGHT = 600, 2400  # mm above the floor
NEAR, NEAR_WALL = 200, 50  # mm

CEILING, FLOOR, WALLS, BROWN, GREY, FIRST_COLOUR = 0, 1, 2, 6, 7, 8
BASE = {
    "red": (210, 40, 40), "green": (40, 160, 60), "blue": (40, 80, 210), "yellow": (235, 210, 50),
    "white": (250, 250, 250), "black": (30, 30, 30), "orange": (240, 130, 30), "purple": (140, 60, 170),
}
PALETTE = np.array(
    [
        (226, 230, 236), (148, 138, 122),  # ceiling, floor
        (206, 200, 190), (192, 186, 176), (178, 172, 164), (199, 189, 182),  # walls x = 0, width; y = 0, depth
        (104, 70, 40), (120, 120, 120),  # brown, grey
        *(tone for c in COLOURS for tone in (BASE[c], tuple(value * 5 // 8 for value in BASE[c]))),
    ],
    np.uint8,
)

# 16 x 16: "." nothing, "#" the thing's colour, "+" the same darker, "b" brown, "g" grey.
DRAWINGS = {
    "chair": ["..############.."] * 8 + ["..++++++++++++.."] + [".##############."] * 2 + [".##..........##."] * 5,
    "ball": [
        ".....######.....", "...##########...", "..############..", ".##############.", ".##############.",
        "################", "################", "################", "################", "################",
        "+###############", "++##############", ".+++###########.", "..++++########..", "...++++++++++...",
        ".....++++++.....",
    ],
    "box": ["++++++++++++++++"] * 2 + ["++############++"] * 12 + ["++++++++++++++++"] * 2,
    "plant": [
        ".......##.......", "..##...##...##..", "..###..##..###..", "...###.##.###...", "##..###++###..##",
        "####.##++##.####", ".######++######.", "...####++####...", ".######++######.", "#####..++..#####",
        "##.....++.....##", "...bbbbbbbbbb...", "...bbbbbbbbbb...", "....bbbbbbbb....", "....bbbbbbbb....",
        "....bbbbbbbb....",
    ],
    "lamp": [
        ".....######.....", "....########....", "...##########...", "..############..", ".##############.",
        *[".......gg......."] * 9,
        ".....gggggg.....", "...gggggggggg...",
    ],
}
SPRITES = {kind: np.array([[".#+bg".index(cell) for cell in row] for row in rows]) for kind, rows in DRAWINGS.items()}


def walls_of_columns(room, pose):
    """(depth in mm, wall 0 to 3, place along the wall in mm) of every column of pixels."""
    c, s = COSINES[pose.heading], SINES[pose.heading]
    right = 2 * np.arange(SIDE, dtype=np.int64) + 1 - SIDE
    ray_x, ray_y = 2 * FOCAL * c + right * s, 2 * FOCAL * s - right * c  # per 2 * FOCAL * UNIT of depth
    scale, far = 2 * FOCAL * UNIT, np.int64(1) << 40

    def depth_to(ray, place, length):
        reach = np.where(ray > 0, length - place, place) * scale
        return np.where(ray == 0, far, reach // np.maximum(np.abs(ray), 1))

    depth_x, depth_y = depth_to(ray_x, pose.x, room.width), depth_to(ray_y, pose.y, room.depth)
    depth = np.maximum(np.minimum(depth_x, depth_y), NEAR_WALL)
    on_x = depth_x <= depth_y
    wall = np.where(on_x, np.where(ray_x > 0, 1, 0), np.where(ray_y > 0, 3, 2))
    along = np.where(on_x, pose.y + depth * ray_y // scale, pose.x + depth * ray_x // scale)
    return depth, wall, along


def wall_of(room, thing):
    """Wall of a door and its place along it."""
    if thing.x in (0, room.width):
        return (0 if thing.x == 0 else 1), thing.y
    return (2 if thing.y == 0 else 3), thing.x


def row_of(height, depth):
    """Row of pixels of a height in mm at a depth in mm."""
    return SIDE // 2 + (EYE - height) * FOCAL // depth


def paint_walls(room, pose, image, owner):
    depth, wall, along = walls_of_columns(room, pose)
    rows = np.arange(SIDE)[:, None]
    bottom = row_of(0, depth)
    image[:] = np.where(rows < row_of(WALL_HEIGHT, depth), CEILING, np.where(rows < bottom, WALLS + wall, FLOOR))
    width, height = SIZES["door"]
    for index, thing in enumerate(room.things):
        if thing.kind != "door":
            continue
        side, centre = wall_of(room, thing)
        offset = along - centre
        hit = (wall == side) & (offset >= -(width // 2)) & (offset < width // 2)
        if not hit.any():
            continue
        door = hit & (rows >= row_of(height, depth)) & (rows < bottom)
        handle = hit & (offset >= 250) & (offset < 350) & (rows >= row_of(1050, depth)) & (rows < row_of(950, depth))
        colour = FIRST_COLOUR + 2 * COLOURS.index(thing.colour)
        image[door], owner[door] = colour, index
        image[handle & door] = colour + 1


def paint_thing(thing, index, forward, right, image, owner):
    width, height = SIZES[thing.kind]
    left = SIDE // 2 + (2 * right - width) * FOCAL // (2 * forward)
    end = max(left + 1, SIDE // 2 + (2 * right + width) * FOCAL // (2 * forward))
    top = row_of(height, forward)
    bottom = max(top + 1, row_of(0, forward))
    x0, x1, y0, y1 = max(left, 0), min(end, SIDE), max(top, 0), min(bottom, SIDE)
    if x0 >= x1 or y0 >= y1:
        return
    columns = (np.arange(x0, x1) - left) * 16 // (end - left)
    lines = (np.arange(y0, y1) - top) * 16 // (bottom - top)
    cells = SPRITES[thing.kind][lines[:, None], columns]
    colour = FIRST_COLOUR + 2 * COLOURS.index(thing.colour)
    shown = cells > 0
    image[y0:y1, x0:x1][shown] = np.array([0, colour, colour + 1, BROWN, GREY], np.uint8)[cells][shown]
    owner[y0:y1, x0:x1][shown] = index


def render(room, pose):
    """(image, owner), both [96, 96]: indices into PALETTE, and of the thing that each pixel shows, -1 for none."""
    image = np.empty((SIDE, SIDE), np.uint8)
    owner = np.full((SIDE, SIDE), -1, np.int8)
    paint_walls(room, pose, image, owner)
    standing = []
    for index, thing in enumerate(room.things):
        forward, right = in_camera(pose, thing.x, thing.y)
        if thing.kind != "door" and forward >= NEAR:
            standing.append((-forward, index, right))
    for minus_forward, index, right in sorted(standing):
        paint_thing(room.things[index], index, -minus_forward, right, image, owner)
    return image, owner
