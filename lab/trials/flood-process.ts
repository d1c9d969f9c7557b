// Runs one flood in a process of its own and says how much of it the server has taken.

import { type FloodSpec, flood } from './floods.js';

process.send!({});
process.on('message', async () => {
  process.send!(await flood(JSON.parse(process.argv[2]!) as FloodSpec));
});
process.on('disconnect', () => process.exit(0));
