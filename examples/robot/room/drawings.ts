// The palette of the camera and the drawings of things, 16 x 16. A port of training/eyes/render.py.

import { colours, type Kind } from './room.js';

export const ceiling = 0;
export const floor = 1;
/** The first of four: walls x = 0, width; y = 0, depth. */
export const walls = 2;
export const brown = 6;
export const grey = 7;
const firstColour = 8;

type Rgb = readonly [number, number, number];

const base: { readonly [colour: string]: Rgb } = {
  red: [210, 40, 40],
  green: [40, 160, 60],
  blue: [40, 80, 210],
  yellow: [235, 210, 50],
  white: [250, 250, 250],
  black: [30, 30, 30],
  orange: [240, 130, 30],
  purple: [140, 60, 170],
};

const darker = (tone: Rgb): Rgb => tone.map((value) => Math.floor((value * 5) / 8)) as never;

/** [24] red, green and blue of each index: every colour of things is followed by a darker one. */
export const palette: readonly Rgb[] = [
  [226, 230, 236],
  [148, 138, 122],
  [206, 200, 190],
  [192, 186, 176],
  [178, 172, 164],
  [199, 189, 182],
  [104, 70, 40],
  [120, 120, 120],
  ...colours.flatMap((colour) => [base[colour]!, darker(base[colour]!)]),
];

/** Index of a colour of things in the palette; the darker one follows. */
export const toneOf = (colour: string): number =>
  firstColour + 2 * colours.indexOf(colour as (typeof colours)[number]);

const times = (count: number, row: string): string[] => new Array<string>(count).fill(row);

/** `.` nothing, `#` the thing's colour, `+` the same darker, `b` brown, `g` grey. */
const drawings: { readonly [kind in Exclude<Kind, 'door'>]: readonly string[] } = {
  chair: [
    ...times(8, '..############..'),
    '..++++++++++++..',
    ...times(2, '.##############.'),
    ...times(5, '.##..........##.'),
  ],
  ball: [
    '.....######.....',
    '...##########...',
    '..############..',
    '.##############.',
    '.##############.',
    ...times(5, '################'),
    '+###############',
    '++##############',
    '.+++###########.',
    '..++++########..',
    '...++++++++++...',
    '.....++++++.....',
  ],
  box: [
    ...times(2, '++++++++++++++++'),
    ...times(12, '++############++'),
    ...times(2, '++++++++++++++++'),
  ],
  plant: [
    '.......##.......',
    '..##...##...##..',
    '..###..##..###..',
    '...###.##.###...',
    '##..###++###..##',
    '####.##++##.####',
    '.######++######.',
    '...####++####...',
    '.######++######.',
    '#####..++..#####',
    '##.....++.....##',
    ...times(2, '...bbbbbbbbbb...'),
    ...times(3, '....bbbbbbbb....'),
  ],
  lamp: [
    '.....######.....',
    '....########....',
    '...##########...',
    '..############..',
    '.##############.',
    ...times(9, '.......gg.......'),
    '.....gggggg.....',
    '...gggggggggg...',
  ],
};

/** [256] cells of a drawing, row by row: 0 nothing, 1 to 4 as in `#+bg`. */
export const cellsOf = Object.fromEntries(
  Object.entries(drawings).map(([kind, rows]) => [
    kind,
    Uint8Array.from(rows.join(''), (cell) => '.#+bg'.indexOf(cell)),
  ]),
) as { readonly [kind in Exclude<Kind, 'door'>]: Uint8Array };
