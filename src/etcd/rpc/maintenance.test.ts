import { expect, test } from '@jest/globals';
import type { CallContext, Sender } from '../../lib/grpc/types.js';
import type { SnapshotResponse } from '../../gen/etcd/rpc.js';
import { maxSnapshotCalls } from '../guards/limits.js';
import { Telemetry } from '../telemetry/telemetry.js';
import type { MaintenanceMember } from './maintenance.js';
import type { CallerIdentity } from './auth-info.js';
import { MaintenanceService } from './maintenance.js';

test('snapshots are written one at a time, and so many wait at most', async () => {
  const writes: ((error: Error) => void)[] = [];
  const server = {
    config: { telemetry: new Telemetry() },
    snapshots: { newPath: () => ({ path: '/nonexistent/snapshot' }) },
    backend: {
      snapshotTo: () => new Promise((_resolve, reject) => writes.push(reject)),
    },
  };
  const identity = { admin: () => Promise.resolve(undefined) };
  const service = new MaintenanceService(
    server as unknown as MaintenanceMember,
    identity as unknown as CallerIdentity,
  );
  const call = (): Promise<string> =>
    service
      .snapshot({}, {} as Sender<SnapshotResponse>, {} as CallContext)
      .then(() => 'sent', String);
  const calls = Array.from({ length: maxSnapshotCalls }, call);
  expect(await call()).toContain('etcdserver: too many requests');
  for (let at = 0; at < maxSnapshotCalls; at++) {
    while (writes.length <= at) await new Promise(setImmediate);
    expect(writes.length).toBe(at + 1);
    writes[at]?.(new Error(`disk ${at}`));
    expect(await calls[at]).toBe(`Error: disk ${at}`);
  }
  const again = call();
  while (writes.length <= maxSnapshotCalls) await new Promise(setImmediate);
  writes.at(-1)?.(new Error('disk again'));
  expect(await again).toBe('Error: disk again');
});

test.each([
  ['by default', 0, undefined, 2 ** 31, { enabled: false, targetVersion: '' }],
  [
    'without a quota, on the way to 3.4',
    -1,
    '3.4.0',
    -1,
    { enabled: true, targetVersion: '3.4.0' },
  ],
])('the status has the fields of etcd 3.6: %s', async (_, quotaBytes, target, bytes, info) => {
  const server = {
    config: { quotaBytes, telemetry: new Telemetry() },
    node: { leader: 1n, term: 2, commitIndex: 3, appliedIndex: 3 },
    backend: { sizeBytes: () => 9, sizeInUseBytes: () => 8 },
    alarms: { list: () => [] },
    downgrade: { target },
    room: {},
    header: () => undefined,
  };
  const identity = { known: () => Promise.resolve(undefined) };
  const service = new MaintenanceService(
    server as unknown as MaintenanceMember,
    identity as unknown as CallerIdentity,
  );
  const { dbSizeQuota, downgradeInfo } = await service.status({}, {} as CallContext);
  expect({ dbSizeQuota, downgradeInfo }).toEqual({ dbSizeQuota: bytes, downgradeInfo: info });
});
