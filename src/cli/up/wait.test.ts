import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import type { Node } from '../../api/types/core.js';
import { ManualClock } from '../../lib/clock.js';
import { clusterStatus, member } from '../testkit/cluster-status.js';
import { Progress } from './progress.js';
import type { AdminConnection } from './wait.js';
import { mastersVote, networksServe, nodesReady, requestToken } from './wait.js';

/** An administrator's view of a cluster in memory. */
function admin(members: ReturnType<typeof member>[] = []): AdminConnection & { api: FakeApi } {
  return {
    api: new FakeApi(),
    status: () => Promise.resolve(clusterStatus({ members })),
    createToken: () => Promise.resolve('a.token'),
    close: () => undefined,
  };
}

describe('masters', () => {
  test.each([
    ['too few', [member(1)], undefined],
    ['one that only learns', [member(1), member(2, { learner: true })], undefined],
    ['one that does not answer', [member(1), member(2, { reachable: false })], undefined],
    ['as many as wanted', [member(1), member(2)], true],
    ['more than wanted', [member(1), member(2), member(3)], true],
    [
      'more than wanted, one of them down',
      [member(1), member(2), member(3, { reachable: false })],
      undefined,
    ],
  ])('%s', async (_, members, answer) => {
    await expect(mastersVote(admin(members), 2)).resolves.toBe(answer);
  });
});

describe('nodes', () => {
  test('are ready when enough are there and each of them is', async () => {
    const connection = admin();
    const add = (name: string, status: string): Promise<unknown> =>
      connection.api.create(resources.nodes, {
        metadata: { name },
        status: { conditions: [{ type: 'Ready', status }] },
      });
    await expect(nodesReady(connection, 0)).resolves.toBe(true);
    await add('a', 'True');
    await expect(nodesReady(connection, 1)).resolves.toBe(true);
    await expect(nodesReady(connection, 2)).resolves.toBeUndefined();
    await add('b', 'Unknown');
    await expect(nodesReady(connection, 2)).resolves.toBeUndefined();
    await expect(nodesReady(connection, 1)).resolves.toBeUndefined();
  });

  test('are not ready again before a worker that was started anew has said so', async () => {
    const connection = admin();
    const at = Date.UTC(2026, 0, 1);
    const status = (second: number): Node['status'] => {
      const lastHeartbeatTime = `2026-01-01T00:00:0${second}Z`;
      return { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime }] };
    };
    const metadata = { name: 'worker-1' };
    const node = await connection.api.create<Node>(resources.nodes, {
      metadata,
      spec: {},
      status: status(1),
    });
    const started = new Map([['worker-1', at + 2500]]);
    await expect(nodesReady(connection, 1)).resolves.toBe(true);
    await expect(nodesReady(connection, 1, started)).resolves.toBeUndefined();
    const others = new Map([['master-1', at + 2500]]);
    await expect(nodesReady(connection, 1, others)).resolves.toBe(true);
    await connection.api.updateStatus(resources.nodes, { ...node, status: status(2) });
    await expect(nodesReady(connection, 1, started)).resolves.toBe(true);
  });
});

describe('networks', () => {
  const started = new Map([['worker-1', 0]]);

  test.each([
    ['worker-1', 'starting iptables', 'the netproxy of worker-1 is starting'],
    ['worker-1', 'silent', 'the netproxy of worker-1 is silent'],
    ['worker-1', 'lagging iptables', undefined],
    ['worker-1', 'running iptables', undefined],
    ['worker-1', undefined, undefined],
    ['elsewhere', 'silent', undefined],
  ])('%s, netproxy %s', async (name, told, problem) => {
    const connection = admin();
    const annotations = told === undefined ? {} : { 'trireme.dev/netproxy': told };
    await connection.api.create(resources.nodes, { metadata: { name, annotations } });
    const answer = networksServe(connection, started);
    if (problem === undefined) await expect(answer).resolves.toBe(true);
    else await expect(answer).rejects.toThrow(problem);
  });
});

test('a token is asked for as the administrator', async () => {
  await expect(requestToken(admin())).resolves.toBe('a.token');
});

describe('progress', () => {
  const written: string[] = [];
  const spy = (): void => {
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
  };

  afterEach(() => {
    jest.restoreAllMocks();
    written.length = 0;
  });

  test('is told with the time that it took', () => {
    const clock = new ManualClock();
    const progress = new Progress(clock);
    spy();
    progress.say('one');
    clock.advance(61_250);
    progress.say('two');
    expect(written).toEqual(['   0.0s  one\n', '  61.3s  two\n']);
  });

  /** Lets time go by until the wait has ended. */
  async function settle<T>(clock: ManualClock, wait: Promise<T>): Promise<T> {
    const ended = new AbortController();
    const mark = (): void => ended.abort();
    wait.then(mark, mark);
    while (!ended.signal.aborted) {
      clock.advance(50);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return wait;
  }

  test('waits over failures and for what is not there yet', async () => {
    const clock = new ManualClock();
    let asked = 0;
    const holds = async (): Promise<string | undefined> => {
      asked += 1;
      if (asked === 1) throw new Error('refused');
      return asked < 4 ? undefined : 'here';
    };
    await expect(settle(clock, new Progress(clock).until('it', 1000, holds))).resolves.toBe('here');
    expect(asked).toBe(4);
  });

  test('gives up with the last failure', async () => {
    const clock = new ManualClock();
    const refuse = (): Promise<never> => Promise.reject(new Error('refused'));
    const progress = new Progress(clock);
    await expect(settle(clock, progress.until('the API', 2000, refuse))).rejects.toThrow(
      'the API: not within 2 s (refused)',
    );
    const nothing = (): Promise<undefined> => Promise.resolve(undefined);
    await expect(settle(clock, progress.until('the API', 2000, nothing))).rejects.toThrow(
      'the API: not within 2 s (not yet)',
    );
  });
});
