/** Both doors say the same to everybody: random users, random requests. By hand: `authorization-fuzz-main.ts`. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AuthorizationWorld } from './authorization-fuzz.js';

let world: AuthorizationWorld;

beforeAll(async () => {
  world = await AuthorizationWorld.start();
}, 60_000);

afterAll(async () => {
  await world.stop();
});

test('REST and gRPC agree on who may do what, and on what is served', async () => {
  const { differences, verdicts } = await world.run(Number(process.env['FUZZ_SEED'] ?? 1), 600);
  expect(differences).toEqual([]);
  // Of each sort some, or nothing was tried.
  for (const verdict of ['allowed', '403', '401', 'not']) {
    expect(verdicts[verdict] ?? 0).toBeGreaterThan(5);
  }
}, 60_000);
