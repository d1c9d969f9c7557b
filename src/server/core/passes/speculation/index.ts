// The planner of drafts from anywhere and the estimates that it needs.

export { ArrivalForecast } from './arrival-forecast.js';
export { LossBudget, Patience } from './loss-budget.js';
export { isStep, planSpeculation } from './plan-speculation.js';
export { SourceAcceptance } from './source-acceptance.js';
export type * from './speculation.js';
export { withRows } from './speculation-prices.js';
export { TokenRate } from './token-rate.js';
