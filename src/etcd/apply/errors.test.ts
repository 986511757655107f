import { expect, test } from '@jest/globals';
import {
  LeaseExistsError,
  LeaseNotFoundError,
  LeaseTtlTooLargeError,
  NotPrimaryError,
} from '../lease/errors.js';
import { asEtcdError, diskFullError, etcdError } from './errors.js';

test('what the lessor throws has a name of etcd; a bug has none', () => {
  const names = [
    new LeaseNotFoundError(),
    new LeaseExistsError(),
    new LeaseTtlTooLargeError(),
    new NotPrimaryError(),
    new RangeError('out of bounds'),
  ].map((error) => asEtcdError(error)?.code);
  expect(names).toEqual([
    'leaseNotFound',
    'leaseExist',
    'leaseTtlTooLarge',
    'notPrimary',
    undefined,
  ]);
});

test('an error says whether the request has surely not happened', () => {
  expect(etcdError('timeout').definite).toBe(false);
  expect(etcdError('noSpace').definite).toBe(true);
  expect(diskFullError('/data/wal')).toMatchObject({
    code: 'diskFull',
    message: 'etcdserver: no space left on the disk of this member: /data/wal',
    definite: true,
  });
});
