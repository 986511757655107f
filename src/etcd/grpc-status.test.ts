import { expect, test } from '@jest/globals';
import { Code, GrpcError } from '../lib/grpc/types.js';
import { asEtcdError, diskFullError, etcdError } from './apply/errors.js';
import { AuthError } from './auth/errors.js';
import type { Compat } from './compat.js';
import { clientError, rawAuthError } from './grpc-status.js';
import { NotPrimaryError } from './lease/errors.js';
import { CompactedError } from './mvcc/errors.js';

test('errors leave with the code and the text of etcd', () => {
  const statuses = [
    etcdError('emptyKey'),
    etcdError('timeout'),
    new CompactedError(7),
    new NotPrimaryError(),
    new AuthError('PERMISSION_DENIED'),
    diskFullError('/data/wal'),
  ].map((error) => clientError(error));
  expect(statuses.map((status) => [status?.code, status?.definite, status?.message])).toEqual([
    [Code.InvalidArgument, true, 'etcdserver: key is not provided'],
    [Code.Unavailable, false, 'etcdserver: request timed out'],
    [Code.OutOfRange, true, 'etcdserver: mvcc: required revision has been compacted'],
    [Code.FailedPrecondition, true, 'etcdserver: not primary lessor'],
    [Code.PermissionDenied, true, 'etcdserver: permission denied'],
    [Code.Unavailable, true, 'etcdserver: no space left on the disk of this member: /data/wal'],
  ]);
});

test('the codes that 3.6 has changed', () => {
  const names = ['notCapable', 'notSupportedForLearner', 'clusterVersionUnavailable'] as const;
  const codes = (compat: Compat): unknown[] =>
    names.map((name) => clientError(etcdError(name), compat)?.code);
  expect(codes('3.5')).toEqual(names.map(() => Code.Unavailable));
  expect(codes('3.6')).toEqual(names.map(() => Code.FailedPrecondition));
});

test('a status stays what it is, and a bug is none', () => {
  const status = new GrpcError(Code.DataLoss, 'broken');
  expect(clientError(status)).toBe(status);
  expect(clientError(new TypeError('no function'))).toBeUndefined();
});

test('the status that came from another member has its name again', () => {
  expect(asEtcdError(clientError(etcdError('leaseNotFound')))?.code).toBe('leaseNotFound');
});

test('calls outside the table of etcd refuse without a code', () => {
  expect(rawAuthError(new AuthError('PERMISSION_DENIED'))).toMatchObject({
    code: Code.Unknown,
    message: 'auth: permission denied',
  });
});
