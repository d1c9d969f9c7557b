// Lists openings for tests and benchmarks of the bundled models. None is from the training text.
// All differ, because a repeated prompt would inflate acceptance.

export const storyPrompts: readonly string[] = [
  'Once upon a time, there was a lighthouse keeper who had never seen the sea at night.',
  'The baker opened his shop before dawn, and this morning',
  'Deep in the forest, a small fox named Ember',
  '"Did you hear that?" whispered Tom, holding his lantern higher.',
  'It was the last day of summer, and Mia',
  'The old clock in the hallway had stopped at midnight.',
  'Nobody in the village believed that the well could talk.',
  'Captain Rosa looked at the map and laughed.',
  'On the far side of the hill lived a giant who loved',
  'The rain had not stopped for seven days when',
  'Grandfather kept a wooden box under his bed.',
  'In a quiet town by the river, two sisters',
  'The robot woke up and did not know its own name.',
  'Every evening, a tiny owl came to the window of',
  'The king had lost his crown, and the whole castle',
  'Leo wanted to build a boat out of',
  'Far above the clouds, where the wind is born,',
  'The library was closed, but a light was still',
  'When the snow melted, the children found',
  'A turtle named Pip was tired of being slow.',
  'The music teacher had only three students left.',
  '"Please," said the dragon, "I only want',
  'At the edge of the desert stood a single tree.',
  'The night train to the mountains was almost empty.',
];
