/** Calls of the client API that `etcdctl` does not make, or not so, against real members. */
import { afterEach, expect, test } from '@jest/globals';
import {
  DowngradeRequest_DowngradeAction as Action,
  LeaseDefinition,
  MaintenanceDefinition,
} from '../../src/gen/etcd/rpc.js';
import { systemClock } from '../../src/lib/clock.js';
import { createGrpcChannel } from '../../src/lib/grpc/index.js';
import type { Channel } from '../../src/lib/grpc/index.js';
import { Code } from '../../src/lib/grpc/types.js';
import { silentLogger } from '../../src/lib/log.js';
import { hasProgram, TestCluster, waitFor } from './etcd-processes.js';

const possible = hasProgram('etcdctl');
const testIf = possible ? test : test.skip;

let cluster: TestCluster | undefined;
let channel: Channel | undefined;

afterEach(async () => {
  channel?.close();
  await cluster?.stop();
  channel = undefined;
  cluster = undefined;
});

function connect(at: number): Channel {
  const target = new URL(cluster?.member(at).clientUrl ?? '').host;
  channel = createGrpcChannel({ target, log: silentLogger, clock: systemClock() });
  return channel;
}

testIf(
  'a keep-alive stream that wants a leader ends when there is none for a while',
  async () => {
    cluster = await TestCluster.start(3, { extra: ['--election-timeout=500'] });
    const client = connect(0).client(LeaseDefinition);
    const { ID } = await client.leaseGrant({ TTL: 100, ID: 0n });
    const stream = client.leaseKeepAlive({ metadata: new Map([['hasleader', 'true']]) });
    const answers = stream[Symbol.asyncIterator]();
    stream.send({ ID });
    expect((await answers.next()).value).toMatchObject({ ID, TTL: 100 });
    await Promise.all([cluster.member(1).stop(), cluster.member(2).stop()]);
    await expect(answers.next()).rejects.toMatchObject({
      code: Code.Unavailable,
      message: 'etcdserver: no leader',
    });
  },
  60_000,
);

testIf(
  'a member that is removed through itself answers, learns of it and ends',
  async () => {
    cluster = await TestCluster.start(3);
    const at = ((await cluster.leader()) + 1) % 3;
    const { stdout } = await cluster.ctl(['member', 'list']);
    const name = cluster.member(at).name;
    const id = new RegExp(`^(\\w+), started, ${name}`, 'm').exec(stdout)?.[1] ?? '';
    // A cluster whose members have only just met refuses it.
    const members = cluster;
    await waitFor('the member is removed', async () => {
      const { code, stderr } = await members.ctl(['member', 'remove', id], { at });
      if (code !== 0) expect(stderr).toContain('unhealthy cluster');
      return code === 0;
    });
    const removedMember = cluster.member(at);
    expect(await removedMember.ended()).toBe(0);
    expect(removedMember.log).toContain('permanently removed');
    // Once more: the others tell it.
    cluster.restart(at);
    expect(await removedMember.ended()).toBe(0);
    await cluster.healthy([(at + 1) % 3, (at + 2) % 3]);
  },
  60_000,
);

testIf(
  'downgrades are announced, once, to the release before, and taken back',
  async () => {
    cluster = await TestCluster.start(1, { extra: ['--experimental-max-learners=2'] });
    const { downgrade } = connect(0).client(MaintenanceDefinition);
    const ask = (action: Action, version = ''): Promise<unknown> => downgrade({ action, version });
    await expect(ask(Action.VALIDATE, 'x')).rejects.toMatchObject({
      code: Code.InvalidArgument,
      message: 'etcdserver: wrong downgrade target version format',
    });
    await expect(ask(Action.ENABLE, '3.5.0')).rejects.toMatchObject({
      code: Code.InvalidArgument,
      message: 'etcdserver: invalid downgrade target version',
    });
    await expect(ask(Action.CANCEL)).rejects.toMatchObject({
      code: Code.FailedPrecondition,
      message: 'etcdserver: no inflight downgrade job',
    });
    expect(await ask(Action.VALIDATE, '3.4')).toMatchObject({ version: '3.5.0' });
    expect(await ask(Action.ENABLE, '3.4.23')).toMatchObject({ version: '3.5.0' });
    for (const action of [Action.VALIDATE, Action.ENABLE]) {
      await expect(ask(action, '3.4.0')).rejects.toMatchObject({
        code: Code.FailedPrecondition,
        message: 'etcdserver: cluster has a downgrade job in progress',
      });
    }
    await cluster.member(0).stop();
    cluster.restart(0);
    await cluster.healthy();
    expect(await ask(Action.CANCEL)).toMatchObject({ version: '3.5.0' });
    expect(await ask(Action.VALIDATE, '3.4')).toMatchObject({ version: '3.5.0' });

    for (const [name, code] of [
      ['l1', 0],
      ['l2', 0],
      ['l3', 1],
    ] as const) {
      const peer = `--peer-urls=http://127.0.0.1:${name.slice(1)}`;
      const added = await cluster.ctl(['member', 'add', name, '--learner', peer]);
      expect(added.code).toBe(code);
      if (code !== 0) expect(added.stderr).toContain('too many learner members in cluster');
    }
  },
  60_000,
);
