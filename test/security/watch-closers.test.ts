/**
 * Clients of watches that leave, over HTTP/1.1 and HTTP/2, at every step and in every way: the API server lives, serves
 * no watch and holds no descriptor more than before, and goes on answering.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import { join } from 'node:path';
import { delay, systemClock } from '../../src/lib/clock.js';
import { Prng } from '../../src/lib/prng.js';
import type { ApiserverHarness } from '../cluster/apiserver-harness.js';
import { canRun, startHarness } from '../cluster/apiserver-harness.js';
import type { Rest } from './admin-rest.js';
import { adminRest } from './admin-rest.js';

const suite = canRun ? describe : describe.skip;
const clock = systemClock();
const seed = Number(process.env['CLOSERS_SEED'] ?? 7);
const rounds = Number(process.env['CLOSERS_ROUNDS'] ?? 4);
const perRound = 32;
const patienceMs = 15_000;
const steps = ['before the answer', 'at the answer', 'in data', 'unread'] as const;
const watchPath = '/api/v1/namespaces/default/configmaps?watch=true&allowWatchBookmarks=true';

let harness: ApiserverHarness;
let rest: Rest;
let tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };

beforeAll(async () => {
  if (!canRun) return;
  harness = await startHarness();
  rest = adminRest(harness);
  const read = (name: string): Buffer => readFileSync(join(harness.pki, name));
  tls = { ca: read('ca.crt'), cert: read('admin.crt'), key: read('admin.key') };
}, 60_000);
afterAll(() => (canRun ? harness.stop() : undefined));

/** A watch: resolves at the beginning of its answer, at its first event, at its end. */
interface Watch {
  readonly answered: Promise<unknown>;
  readonly first: Promise<unknown>;
  stopReading(): void;
  leave(abrupt: boolean): void;
}

function overHttp1(): Watch {
  const request = https.request(`${harness.url}${watchPath}`, { ...tls, agent: false });
  request.on('error', () => undefined);
  let pause = (): void => undefined;
  const answered = new Promise<unknown>((resolve) => {
    request.on('close', resolve);
    request.on('response', (response) => {
      response.on('error', () => undefined);
      pause = () => response.pause();
      resolve(response);
    });
  });
  const first = new Promise<unknown>((resolve) => {
    request.on('close', resolve);
    request.on('response', (response) => response.once('data', resolve));
  });
  request.end();
  return {
    answered,
    first,
    stopReading: () => pause(),
    leave: (abrupt) => {
      if (abrupt) request.destroy();
      else request.socket?.end();
      // A client that only half-closes leaves a moment later.
      clock.schedule(200, () => request.destroy());
    },
  };
}

function overHttp2(): Watch {
  const session = http2.connect(harness.url, tls);
  session.on('error', () => undefined);
  const stream = session.request({ ':path': watchPath });
  stream.on('error', () => undefined);
  const after = (event: string): Promise<unknown> =>
    new Promise((resolve) => {
      stream.once(event, resolve);
      session.once('close', resolve);
    });
  const [answered, first] = [after('response'), after('data')];
  return {
    answered,
    first,
    stopReading: () => stream.pause(),
    leave: (abrupt) => {
      if (!abrupt) stream.close(http2.constants.NGHTTP2_CANCEL);
      if (abrupt) session.destroy();
      clock.schedule(200, () => session.destroy());
    },
  };
}

async function soon(promise: Promise<unknown>): Promise<void> {
  const abort = new AbortController();
  await Promise.race([promise, delay(clock, 1000, abort.signal)]);
  abort.abort();
}

async function watchAndLeave(plan: {
  readonly open: () => Watch;
  readonly step: (typeof steps)[number];
  readonly abrupt: boolean;
}): Promise<void> {
  const watch = plan.open();
  if (plan.step !== 'before the answer') await soon(watch.answered);
  if (plan.step === 'in data' || plan.step === 'unread') await soon(watch.first);
  if (plan.step === 'unread') {
    watch.stopReading();
    await delay(clock, 50);
  }
  watch.leave(plan.abrupt);
}

async function held(): Promise<{ readonly watches: number; readonly descriptors: number }> {
  const { body } = await rest('GET', '/metrics');
  const found = /^apiserver_longrunning_requests\{verb="WATCH"\} (\d+)$/m.exec(body.message ?? '');
  const descriptors = readdirSync(`/proc/${harness.pid}/fd`).length;
  return { watches: Number(found?.[1]), descriptors };
}

/** Makes a ConfigMap that fills the windows of watches. */
function makeLarge(name: string): ReturnType<typeof rest> {
  return rest('POST', '/api/v1/namespaces/default/configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data: { text: 'x'.repeat(100_000) },
  });
}

suite(`watches whose clients go first, seed ${seed}`, () => {
  test(
    'end nothing and leave nothing',
    async () => {
      const prng = new Prng(seed);
      const pick = <T>(of: readonly T[]): T => of[prng.below(of.length)]!;
      await Promise.all(
        [overHttp1, overHttp2].map((open) =>
          watchAndLeave({ open, step: 'at the answer', abrupt: true }),
        ),
      );
      // The first large body starts the thread that reads them, which keeps descriptors of its own.
      expect((await makeLarge('c-first')).code).toBe(201);
      await delay(clock, 500);
      const before = await held();
      const counted = overHttp1();
      await counted.answered;
      expect((await held()).watches).toBe(before.watches + 1);
      counted.leave(true);
      for (let round = 0; round < rounds; round++) {
        const plans = Array.from({ length: perRound }, () => ({
          open: pick([overHttp1, overHttp2]),
          step: pick(steps),
          abrupt: prng.below(2) === 0,
        }));
        const leaving = Promise.all(plans.map(watchAndLeave));
        expect((await makeLarge(`c-${round}`)).code).toBe(201);
        await leaving;
      }
      const untilMs = clock.monotonicMs() + patienceMs;
      let now = await held();
      while (now.watches > before.watches || now.descriptors > before.descriptors) {
        if (clock.monotonicMs() > untilMs) break;
        await delay(clock, 100);
        now = await held();
      }
      expect(now.watches).toBe(before.watches);
      expect(now.descriptors).toBeLessThanOrEqual(before.descriptors);
      expect((await rest('GET', '/readyz')).code).toBe(200);
    },
    60_000 + rounds * 10_000,
  );
});
