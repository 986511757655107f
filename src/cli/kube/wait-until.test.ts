/** Following an object until a condition holds: lists, watches, refusals and time. */
import { describe, expect, test } from '@jest/globals';
import { setImmediate as tick } from 'node:timers/promises';
import type { KubeObject } from '../../api/object.js';
import { ApiError } from '../../client/types.js';
import { ManualClock } from '../../lib/clock.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { CommandContext } from '../context.js';
import { forEachUnlessRefused } from './failures.js';
import type { ObjectRef } from './resource.js';
import { targetOf } from './target.js';
import type { KubeClient, KubeRequest } from './types.js';
import { waitGone } from './wait-gone.js';
import { waitUntil } from './wait-until.js';
import { watchEvents } from './watch.js';

const ref: ObjectRef = {
  resource: {
    group: '',
    version: 'v1',
    kind: 'Pod',
    plural: 'pods',
    singular: 'pod',
    namespaced: true,
    shortNames: [],
    categories: [],
    verbs: [],
  },
  namespace: 'home',
  name: 'p',
};
const pod = (phase: string, uid = 'u'): KubeObject & { status: object } => ({
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'home', uid },
  status: { phase },
});
const phaseOf = (object: KubeObject | undefined): string | undefined =>
  (object as { status?: { phase?: string } } | undefined)?.status?.phase;

type Event = { readonly type: string; readonly object: unknown };

/** A server: each round is a list and the events of the watch after it; the last watch goes on for ever. */
class Rounds {
  readonly requests: string[] = [];
  readonly clock = new ManualClock();
  readonly #rounds: readonly {
    readonly list: readonly KubeObject[] | Error;
    readonly events?: readonly Event[] | Error;
  }[];
  #at = -1;

  constructor(...rounds: Rounds['rounds']) {
    this.#rounds = rounds;
  }

  get rounds(): readonly {
    readonly list: readonly KubeObject[] | Error;
    readonly events?: readonly Event[] | Error;
  }[] {
    return this.#rounds;
  }

  get session(): { readonly kube: KubeClient; readonly context: CommandContext } {
    const json = (request: KubeRequest): Promise<unknown> => {
      this.requests.push(`GET ${targetOf(request)}`);
      this.#at += 1;
      const list = this.#rounds[this.#at]?.list ?? [];
      if (list instanceof Error) return Promise.reject(list);
      return Promise.resolve({ items: list, metadata: { resourceVersion: String(this.#at + 1) } });
    };
    const stream = (request: KubeRequest, signal?: AbortSignal): Promise<AsyncIterable<Buffer>> => {
      this.requests.push(`WATCH ${targetOf(request)}`);
      const events = this.#rounds[this.#at]?.events ?? [];
      if (events instanceof Error) return Promise.reject(events);
      const isLast = this.#at >= this.#rounds.length - 1;
      return Promise.resolve(eventsOf(events, isLast, signal));
    };
    const kube = { json, stream } as unknown as KubeClient;
    return { kube, context: { clock: this.clock } as unknown as CommandContext };
  }
}

async function* eventsOf(
  events: readonly Event[],
  goesOn: boolean,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  for (const event of events) yield Buffer.from(`${JSON.stringify(event)}\n`);
  if (!goesOn) return;
  await new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
  });
}

const modified = (object: KubeObject): Event => ({ type: 'MODIFIED', object });
const isRunning = (object: KubeObject | undefined): boolean => phaseOf(object) === 'Running';
const expired = new ApiError(410, 'Expired', 'too old');

describe('it holds', () => {
  test.each<[string, Rounds, number]>([
    ['from the beginning: nothing is watched', new Rounds({ list: [pod('Running')] }), 1],
    [
      'after events that it is not in',
      new Rounds({ list: [], events: [modified(pod('Pending')), modified(pod('Running'))] }),
      2,
    ],
    [
      'after a watch that the server has ended',
      new Rounds({ list: [pod('Pending')], events: [] }, { list: [pod('Running')] }),
      3,
    ],
    [
      'after a watch from a version that is too old',
      new Rounds({ list: [pod('Pending')], events: expired }, { list: [pod('Running')] }),
      3,
    ],
    [
      'after a watch that ended with such an error',
      new Rounds(
        { list: [], events: [{ type: 'ERROR', object: { code: 410, reason: 'Expired' } }] },
        { list: [pod('Running')] },
      ),
      3,
    ],
    [
      'and bookmarks are no objects',
      new Rounds({
        list: [],
        events: [{ type: 'BOOKMARK', object: pod('Running') }, modified(pod('Running'))],
      }),
      2,
    ],
  ])('%s', async (_, rounds, requests) => {
    expect(await waitUntil(rounds.session, ref, 0, isRunning)).toBe(true);
    expect(rounds.requests).toHaveLength(requests);
    expect(rounds.clock.pending).toBe(0);
  });

  test('the watch begins where the list ended, of this object alone', async () => {
    const rounds = new Rounds({ list: [], events: [modified(pod('Running'))] });
    await waitUntil(rounds.session, ref, 0, isRunning);
    const query = 'fieldSelector=metadata.name%3Dp';
    expect(rounds.requests).toEqual([
      `GET /api/v1/namespaces/home/pods?${query}`,
      `WATCH /api/v1/namespaces/home/pods?${query}&resourceVersion=1&watch=true`,
    ]);
  });
});

test('it does not hold within its time', async () => {
  const rounds = new Rounds({ list: [pod('Pending')] });
  const waited = waitUntil(rounds.session, ref, 5000, isRunning);
  for (let turn = 0; turn < 5; turn++) await tick();
  rounds.clock.advance(5000);
  expect(await waited).toBe(false);
  expect(rounds.clock.pending).toBe(0);
});

test.each([
  ['a refusal', new Rounds({ list: new ApiError(403, 'Forbidden', 'no') }), 'no'],
  ['a refused watch', new Rounds({ list: [], events: new ApiError(403, 'Forbidden', 'no') }), 'no'],
  [
    'an error in the watch',
    new Rounds({ list: [], events: [{ type: 'ERROR', object: { code: 500, message: 'broken' } }] }),
    'broken',
  ],
])('%s ends it, and its timer', async (_, rounds, words) => {
  await expect(waitUntil(rounds.session, ref, 5000, isRunning)).rejects.toThrow(words);
  expect(rounds.clock.pending).toBe(0);
});

test('what the condition throws is thrown', async () => {
  const rounds = new Rounds({ list: [pod('Failed')] });
  const fail = (): boolean => {
    throw new CommandLineError('it has failed');
  };
  await expect(waitUntil(rounds.session, ref, 0, fail)).rejects.toThrow('it has failed');
});

describe('gone is', () => {
  const deleted: Event = { type: 'DELETED', object: pod('Running') };
  test.each<[string, Rounds, string]>([
    ['what is not in the list', new Rounds({ list: [] }), 'u'],
    ['what is deleted', new Rounds({ list: [pod('Running')], events: [deleted] }), 'u'],
    ['what another has taken the place of', new Rounds({ list: [pod('Running', 'v')] }), 'u'],
    [
      'what another takes the place of meanwhile',
      new Rounds({ list: [pod('Running')], events: [modified(pod('Running', 'v'))] }),
      'u',
    ],
    ['any of that name', new Rounds({ list: [pod('Running', 'v')], events: [deleted] }), ''],
  ])('%s', async (_, rounds, uid) => {
    expect(await waitGone(rounds.session, ref, uid, 0)).toBe(true);
  });

  test('not what is still there', async () => {
    const rounds = new Rounds({ list: [pod('Running')], events: [modified(pod('Failed'))] });
    const waited = waitGone(rounds.session, ref, 'u', 1000);
    for (let turn = 0; turn < 5; turn++) await tick();
    rounds.clock.advance(1000);
    expect(await waited).toBe(false);
  });
});

test('a watch hands out what comes, and throws what the server ends it with', async () => {
  const status = { code: 410, reason: 'Expired', message: 'too old' };
  const rounds = new Rounds({
    list: [],
    events: [modified(pod('a')), { type: 'ERROR', object: status }],
  });
  const { kube } = rounds.session;
  await kube.json({ path: '/x' });
  const events = watchEvents<KubeObject>(kube, { path: '/x', query: { a: 'b' } });
  expect((await events.next()).value).toMatchObject({ type: 'MODIFIED' });
  await expect(events.next()).rejects.toMatchObject({ reason: 'Expired', code: 410 });
  expect(rounds.requests.at(-1)).toBe('WATCH /x?a=b&watch=true');
});

describe('many objects, of which some are refused', () => {
  const run = async (
    act: (item: number) => Promise<void>,
  ): Promise<{ readonly code: number; readonly err: string; readonly done: number[] }> => {
    const done: number[] = [];
    let err = '';
    const context = { err: (text: string) => void (err += text) } as unknown as CommandContext;
    const code = await forEachUnlessRefused(
      context,
      [1, 2, 3],
      async (item) => {
        await act(item);
        done.push(item);
      },
      (item) => `with ${item}: `,
    );
    return { code, err, done };
  };

  test('the others are done, each refusal is said', async () => {
    const act = (item: number): Promise<void> =>
      item === 2
        ? Promise.reject(new ApiError(404, 'NotFound', 'it is not there'))
        : Promise.resolve();
    expect(await run(act)).toEqual({
      code: 1,
      err: 'Error from server (NotFound): with 2: it is not there\n',
      done: [1, 3],
    });
  });

  test('none is refused', async () => {
    expect(await run(() => Promise.resolve())).toEqual({ code: 0, err: '', done: [1, 2, 3] });
  });

  test('what is no refusal ends it', async () => {
    const act = (item: number): Promise<void> =>
      item === 2 ? Promise.reject(new Error('no connection')) : Promise.resolve();
    await expect(run(act)).rejects.toThrow('no connection');
  });
});

test.each([
  [{ path: '/a' }, '/a'],
  [{ path: '/a', query: {} }, '/a'],
  [{ path: '/a', query: { b: undefined, c: 'd' } }, '/a?c=d'],
  [{ path: '/a', query: { b: ['1', '2'], c: 'x y&z' } }, '/a?b=1&b=2&c=x+y%26z'],
  [{ path: '/a?b=1', query: { c: '2' } }, '/a?b=1&c=2'],
])('%j is asked for as %s', (request, target) => {
  expect(targetOf(request)).toBe(target);
});
