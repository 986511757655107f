/** Questions to another member: who is asked must be the one that is meant, whatever its build checks. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { HashKVResponse } from '../../gen/etcd/rpc.js';
import { systemClock } from '../../lib/clock.js';
import { createGrpcServer } from '../../lib/grpc/index.js';
import type { CallContext, GrpcServer } from '../../lib/grpc/index.js';
import { silentLogger } from '../../lib/log.js';
import { Telemetry } from '../telemetry/telemetry.js';
import { GrpcPeerNetwork } from './network.js';
import { peerDefinition } from './peer-definition.js';

const clock = systemClock({ unref: true });
/** A member that answers nothing else. */
const hashes = { ...peerDefinition, methods: { hashKV: peerDefinition.methods.hashKV } };
const nothing = (): void => undefined;
let server: GrpcServer;
let network: GrpcPeerNetwork;
let header: HashKVResponse['header'];
let asked: CallContext['metadata'] | undefined;

beforeEach(async () => {
  server = createGrpcServer({ log: silentLogger, clock });
  server.addService(hashes, {
    hashKV: (_request, context) => {
      asked = context.metadata;
      return { header, hash: 5, compactRevision: 0, hashRevision: 1 };
    },
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  network = new GrpcPeerNetwork({
    localId: 1n,
    clusterId: 7n,
    logVersion: 2,
    metrics: new Telemetry().network,
    localUrls: () => [],
    clock,
    log: silentLogger,
    tls: undefined,
    events: {
      onPeerLost: nothing,
      onDropped: nothing,
      onPeerConnected: nothing,
      onRemoved: nothing,
      onOutdated: nothing,
    },
  });
  network.setPeers([{ id: 2n, urls: [`http://127.0.0.1:${port}`] }]);
});

afterEach(async () => {
  network.close();
  await server.close();
});

test('a question says who asks whom, and of which cluster', async () => {
  header = { clusterId: 7n, memberId: 2n, revision: 3, raftTerm: 2 };
  expect(await network.hashKV(2n, 0)).toMatchObject({ hash: 5 });
  const ids = ['cluster-id', 'member-id', 'to-member-id'].map((name) => asked?.get(name));
  expect(ids).toEqual(['7', '1', '2']);
});

test.each([
  ['of another cluster', { clusterId: 8n, memberId: 2n }, 'cluster ID mismatch'],
  ['of another member', { clusterId: 7n, memberId: 3n }, 'member not found'],
  ['of nobody', undefined, 'cluster ID mismatch'],
])('a hash %s is none to compare with', async (_, ids, problem) => {
  header = ids === undefined ? undefined : { ...ids, revision: 3, raftTerm: 2 };
  await expect(network.hashKV(2n, 0)).rejects.toThrow(problem);
});
