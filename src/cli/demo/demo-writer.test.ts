import { describe, expect, test } from '@jest/globals';
import { setImmediate as tick } from 'node:timers/promises';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { ApiError } from '../../client/types.js';
import { ManualClock } from '../../lib/clock.js';
import { DemoWriter } from './demo-writer.js';
import type { Ledger } from './ledger.js';

interface Told {
  readonly writer: DemoWriter;
  readonly api: FakeApi;
  readonly clock: ManualClock;
  readonly outcomes: string[];
  /** Lets so many writes end. */
  readonly goOn: (writes: number) => Promise<void>;
}

async function turns(count = 10): Promise<void> {
  for (let turn = 0; turn < count; turn++) await tick();
}

async function begun(
  refuse: (write: number) => Error | undefined = () => undefined,
): Promise<Told> {
  const [api, clock] = [new FakeApi(), new ManualClock()];
  const outcomes: string[] = [];
  let writes = 0;
  api.intercept = ({ verb, resource }) => {
    if (verb !== 'create' || resource.resource !== 'configmaps') return;
    const error = refuse(++writes);
    if (error !== undefined) throw error;
  };
  const ledger = {
    began: () => undefined,
    ended: (name: string, outcome: string) => void outcomes.push(`${name} ${outcome}`),
  } as unknown as Ledger;
  const writer = new DemoWriter({ client: api, clock, ledger, namespace: 'demo' });
  await writer.start();
  await turns();
  const goOn = async (count: number): Promise<void> => {
    for (let write = 0; write < count; write++) {
      clock.advance(40);
      await turns();
    }
  };
  return { writer, api, clock, outcomes, goOn };
}

test('it writes one object after the other, each with a name of its own', async () => {
  const { writer, outcomes, goOn } = await begun();
  await goOn(2);
  await writer.stop();
  expect(outcomes).toEqual([
    'write-00001 acknowledged',
    'write-00002 acknowledged',
    'write-00003 acknowledged',
  ]);
  expect([...(await writer.readBack())].sort()).toEqual([
    'write-00001',
    'write-00002',
    'write-00003',
  ]);
});

test('it writes nothing after it was stopped', async () => {
  const { writer, outcomes, goOn } = await begun();
  await writer.stop();
  await goOn(3);
  expect(outcomes).toHaveLength(1);
});

describe('what it is told of a write', () => {
  test.each<[string, Error, string]>([
    ['that the server has refused', new ApiError(403, 'Forbidden', 'no'), 'refused'],
    [
      'that is there already: its own, sent again',
      new ApiError(409, 'AlreadyExists', 'x'),
      'acknowledged',
    ],
    [
      'whose deadline is over',
      new ApiError(504, 'Timeout', 'late', { definite: false }),
      'unknown',
    ],
    [
      'that a server without a store has refused',
      new ApiError(500, 'InternalError', 'x'),
      'unknown',
    ],
    ['of which nobody tells', new Error('the connection broke'), 'unknown'],
  ])('%s', async (_, error, outcome) => {
    const { writer, outcomes, goOn } = await begun((write) => (write === 1 ? error : undefined));
    await goOn(1);
    await writer.stop();
    expect(outcomes).toEqual([`write-00001 ${outcome}`, 'write-00002 acknowledged']);
  });
});

describe('reading back', () => {
  test('is tried again while masters are away', async () => {
    const { writer, api, clock } = await begun();
    await writer.stop();
    let attempts = 0;
    api.intercept = ({ verb }) => {
      if (verb === 'list' && ++attempts < 3) throw new ApiError(503, 'ServiceUnavailable', 'away');
    };
    const read = writer.readBack();
    for (let turn = 0; turn < 5; turn++) {
      await turns();
      clock.advance(500);
    }
    expect((await read).size).toBe(1);
    expect(attempts).toBe(3);
  });

  test('has an end', async () => {
    const { writer, api, clock } = await begun();
    await writer.stop();
    api.intercept = ({ verb }) => {
      if (verb === 'list') throw new ApiError(503, 'ServiceUnavailable', 'away');
    };
    const read = writer.readBack();
    read.catch(() => undefined);
    for (let turn = 0; turn < 70; turn++) {
      await turns(3);
      clock.advance(500);
    }
    await expect(read).rejects.toThrow('away');
  });
});

test('it takes its namespace away, also where that is gone', async () => {
  const { writer, api } = await begun();
  await writer.stop();
  await writer.cleanUp();
  await expect(api.get(resources.namespaces, { name: 'demo' })).rejects.toMatchObject({
    reason: 'NotFound',
  });
  await writer.cleanUp();
  api.intercept = () => {
    throw new ApiError(403, 'Forbidden', 'no');
  };
  await expect(writer.cleanUp()).rejects.toThrow('no');
});
