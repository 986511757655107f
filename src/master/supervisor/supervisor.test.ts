import { afterEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Clock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import type { GivenUp, Supervisor } from './supervisor.js';
import { createSupervisor, exitTryLater } from './supervisor.js';

let directory = '';
let supervisor: Supervisor | undefined;

afterEach(async () => {
  await supervisor?.stop(1000);
  rmSync(directory, { recursive: true, force: true });
});

/** A supervisor of one component that ends at once; its restarts run when the test says so. */
function supervise(code: number): {
  readonly supervisor: Supervisor;
  readonly restart: () => Promise<void>;
  readonly givenUp: Promise<GivenUp>;
} {
  directory = mkdtempSync(join(tmpdir(), 'trireme-supervisor-'));
  const path = join(directory, 'component.mjs');
  writeFileSync(path, `export const main = () => ${code};`);
  const waiting: (() => void)[] = [];
  let wake: () => void = () => undefined;
  const clock: Clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    schedule(_delayMs, fn) {
      waiting.push(fn);
      wake();
      return () => undefined;
    },
  };
  let tell: (what: GivenUp) => void = () => undefined;
  const givenUp = new Promise<GivenUp>((resolve) => {
    tell = resolve;
  });
  const made = createSupervisor({ clock, log: silentLogger, onGivenUp: (what) => tell(what) });
  supervisor = made;
  made.start({ name: 'part', module: pathToFileURL(path), entry: 'main', argv: [] });
  const restart = async (): Promise<void> => {
    while (waiting.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    waiting.shift()?.();
  };
  return { supervisor: made, restart, givenUp };
}

describe('a component that ends', () => {
  test('with wrong flags is given up at once', async () => {
    const { givenUp } = supervise(2);
    await expect(givenUp).resolves.toEqual({ name: 'part', code: 2 });
  });

  test('again and again before anything has worked is given up', async () => {
    const { restart, givenUp } = supervise(1);
    for (let starts = 1; starts < 5; starts++) await restart();
    await expect(givenUp).resolves.toEqual({ name: 'part', code: 1 });
  });

  test('after all has worked once is started for ever', async () => {
    const { supervisor: made, restart } = supervise(1);
    made.started();
    for (let starts = 1; starts < 8; starts++) await restart();
  });

  test('for want of room is started for ever', async () => {
    const { restart } = supervise(exitTryLater);
    for (let starts = 1; starts < 8; starts++) await restart();
  });
});
