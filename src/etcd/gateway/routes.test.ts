import { expect, test } from '@jest/globals';
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
import { gatewayRoutes } from './routes.js';

test('the gateway has a route for every call, and no other', () => {
  const definitions = [
    AuthDefinition,
    ClusterDefinition,
    ElectionDefinition,
    KVDefinition,
    LeaseDefinition,
    LockDefinition,
    MaintenanceDefinition,
    WatchDefinition,
  ];
  const calls = definitions.flatMap(({ fullName, methods }) =>
    Object.values<{ readonly name: string }>(methods).map(({ name }) => `${fullName}/${name}`),
  );
  expect([...new Set(Object.values(gatewayRoutes))].toSorted()).toEqual(calls.toSorted());
});
