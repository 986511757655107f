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
