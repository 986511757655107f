import { expect, test } from '@jest/globals';
import { ticksOf } from './ticks.js';

test.each([
  [20, { tickMs: 20, heartbeatTicks: 1 }],
  [100, { tickMs: 100, heartbeatTicks: 1 }],
  [101, { tickMs: 50.5, heartbeatTicks: 2 }],
  [200, { tickMs: 100, heartbeatTicks: 2 }],
  [250, { tickMs: 250 / 3, heartbeatTicks: 3 }],
  [10_000, { tickMs: 100, heartbeatTicks: 100 }],
])('heartbeats of %d ms', (heartbeatMs, ticks) => {
  expect(ticksOf(heartbeatMs)).toEqual(ticks);
});
