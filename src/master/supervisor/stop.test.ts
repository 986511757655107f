/** The end of components: the last started first, each at its own pace, but not for ever. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ManualClock, systemClock } from '../../lib/clock.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { silentLogger } from '../../lib/log.js';
import type { ComponentSpec, Supervisor } from './supervisor.js';
import { createSupervisor } from './supervisor.js';

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-stop-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

const path = (name: string): string => join(directory, name);

/** A component that says that it runs, and, unless it is deaf, ends when it is told to, and says so. */
function component(name: string, isDeaf = false): ComponentSpec {
  writeFileSync(
    path(`${name}.mjs`),
    `import { appendFileSync, writeFileSync } from 'node:fs';
     import { parentPort } from 'node:worker_threads';
     export const main = ([log, up]) => new Promise((resolve) => {
       parentPort.on('message', () => {
         appendFileSync(log, '${name} ');
         ${isDeaf ? '' : 'resolve(0);'}
       });
       writeFileSync(up, '');
     });`,
  );
  return {
    name,
    module: pathToFileURL(path(`${name}.mjs`)),
    entry: 'main',
    argv: [path('log'), path(`${name}.up`)],
  };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A supervisor of components that run. */
async function supervise(
  clock: Clock,
  specs: readonly ComponentSpec[],
  log: Logger = silentLogger,
): Promise<Supervisor> {
  const onGivenUp = (): never => {
    throw new Error('nobody is given up');
  };
  const supervisor = createSupervisor({ clock, log, onGivenUp });
  for (const spec of specs) supervisor.start(spec);
  while (!specs.every(({ name }) => existsSync(path(`${name}.up`)))) await settle();
  return supervisor;
}

const told = (): string => (existsSync(path('log')) ? readFileSync(path('log'), 'utf8') : '');

test('the last started is ended first, the next when it has', async () => {
  const specs = ['store', 'api', 'control'].map((name) => component(name));
  const supervisor = await supervise(systemClock(), specs);
  await supervisor.stop(60_000);
  expect(told()).toBe('control api store ');
});

test('one that does not end in time is cut off, and the next has its turn', async () => {
  const clock = new ManualClock();
  const warnings: string[] = [];
  const log: Logger = {
    ...silentLogger,
    child: () => ({ ...silentLogger, warn: (_, message) => void warnings.push(message) }),
  };
  const supervisor = await supervise(clock, [component('store'), component('deaf', true)], log);
  let isStopped = false;
  const stopping = supervisor.stop(5000).then(() => {
    isStopped = true;
  });
  while (told() === '') await settle();
  clock.advance(4999);
  await settle();
  expect({ isStopped, told: told() }).toEqual({ isStopped: false, told: 'deaf ' });
  clock.advance(1);
  await stopping;
  expect(told()).toBe('deaf store ');
  expect(warnings).toEqual(['a component did not end in time; terminating it']);
  // None is started again.
  expect(clock.pending).toBe(0);
});

test('one that waits to be started again is not', async () => {
  const clock = new ManualClock();
  const supervisor = createSupervisor({ clock, log: silentLogger, onGivenUp: () => undefined });
  writeFileSync(path('ends.mjs'), 'export const main = () => 1;');
  const module = pathToFileURL(path('ends.mjs'));
  supervisor.start({ name: 'ends', module, entry: 'main', argv: [] });
  while (clock.pending === 0) await settle();
  await supervisor.stop(1000);
  expect(clock.pending).toBe(0);
});

test('nothing that has not started is stopped', async () => {
  const clock = new ManualClock();
  const supervisor = createSupervisor({ clock, log: silentLogger, onGivenUp: () => undefined });
  await supervisor.stop(1000);
  expect(clock.pending).toBe(0);
});
