import { describe, expect, test } from '@jest/globals';
import { HealthDefinition } from '../../gen/etcd/health.js';
import {
  AuthDefinition,
  ClusterDefinition,
  KVDefinition,
  LeaseDefinition,
  MaintenanceDefinition,
  WatchDefinition,
} from '../../gen/etcd/rpc.js';
import { ElectionDefinition } from '../../gen/etcd/v3election.js';
import { LockDefinition } from '../../gen/etcd/v3lock.js';
import { TelemetryDefinition } from '../../gen/telemetry.js';
import { ManualClock } from '../../lib/clock.js';
import { Code } from '../../lib/grpc/types.js';
import type { Handlers, ServiceDefinition } from '../../lib/grpc/types.js';
import type { Compat } from '../compat.js';
import { Telemetry } from '../telemetry/telemetry.js';
import { guarded } from './guarded.js';

const services: readonly ServiceDefinition[] = [
  AuthDefinition,
  ClusterDefinition,
  ElectionDefinition,
  HealthDefinition,
  KVDefinition,
  LeaseDefinition,
  LockDefinition,
  MaintenanceDefinition,
  TelemetryDefinition,
  WatchDefinition,
];

/** Makes each call of each service. @returns those that reached their handler */
function answered(isLearner: boolean, request: unknown, compat: Compat = '3.5'): string[] {
  const { grpc } = new Telemetry();
  const server = {
    config: { clock: new ManualClock(), compat, electionMs: 1000, telemetry: { grpc } },
    isLearner,
    leader: 1n,
    onLeaderChange: () => () => undefined,
  };
  const context = { header: () => undefined, metadata: new Map() };
  const reached: string[] = [];
  for (const definition of services) {
    const names = Object.keys(definition.methods);
    const handlers = Object.fromEntries(
      names.map((name) => [name, () => reached.push(`${definition.fullName}/${name}`)]),
    ) as unknown as Handlers<ServiceDefinition>;
    const wrapped = guarded(definition, handlers, server) as unknown as Record<
      string,
      (...args: unknown[]) => unknown
    >;
    for (const name of names) {
      try {
        wrapped[name]?.(request, context);
      } catch (error) {
        expect(error).toMatchObject({
          message: 'etcdserver: rpc not supported for learner',
          code: compat === '3.6' ? Code.FailedPrecondition : Code.Unavailable,
        });
      }
    }
  }
  return reached;
}

// `isRPCSupportedForLearner` and `newStreamInterceptor` in etcd 3.5's `v3rpc`; the telemetry is our own.
describe('a learner answers', () => {
  const ofItself = [
    'etcdserverpb.Maintenance/status',
    'etcdserverpb.Maintenance/snapshot',
    'trireme.telemetry.v1.Telemetry/watch',
  ];

  test('what it is asked about itself, and no other call', () => {
    expect(answered(true, { serializable: false })).toEqual(ofItself);
  });

  test('no other call of 3.6 either, with its own code', () => {
    expect(answered(true, { serializable: false }, '3.6')).toEqual(ofItself);
  });

  test('ranges that need nobody else', () => {
    expect(answered(true, { serializable: true })).toEqual(['etcdserverpb.KV/range', ...ofItself]);
  });

  test('everything once it is a voter', () => {
    const all = services.flatMap(({ methods }) => Object.keys(methods));
    expect(answered(false, { serializable: false })).toHaveLength(all.length);
  });
});
