import { expect, test } from '@jest/globals';
import { ClusterDefinition } from '../../gen/cluster.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import type { Connection, ConnectionFlags } from '../connection.js';
import { run } from '../main.js';
import { FakeCluster } from '../testkit/fake-cluster.js';
import { RecordedContext } from '../testkit/transcript.js';

/** Asks a second time where the first answer is lost, as a connection to several masters does. */
class TwoMasters extends FakeCluster {
  override connection(flags: ConnectionFlags): Connection {
    const one = super.connection(flags);
    return { ...one, call: (ask) => one.call(ask).catch(() => one.call(ask)) };
  }
}

async function remove(...answers: readonly Code[]): Promise<{ code: number; text: string }> {
  const cluster = new TwoMasters();
  const left = [...answers];
  cluster.answer(ClusterDefinition, {
    removeMember: () => Promise.reject(new GrpcError(left.shift() ?? Code.Internal, 'no master')),
  });
  const context = new RecordedContext(cluster);
  const code = await run(['member', 'remove', 'master-1'], context);
  return { code, text: context.text };
}

test('a master that is gone after an answer was lost has been removed', async () => {
  const { code, text } = await remove(Code.Unavailable, Code.NotFound);
  expect(text).toContain('master-1 removed\n');
  expect(code).toBe(0);
});

test('a master that was never there has not', async () => {
  const { code, text } = await remove(Code.NotFound, Code.PermissionDenied);
  expect(text).not.toContain('removed');
  expect(code).toBe(1);
});
