import { expect, test } from '@jest/globals';
import { Code } from '../../lib/grpc/types.js';
import {
  LeaseExistsError,
  LeaseNotFoundError,
  LeaseTtlTooLargeError,
  NotPrimaryError,
} from '../lease/errors.js';
import { clientError } from './errors.js';

test('what the lessor throws has its code; a leader that is none any more counts as one to be tried again', () => {
  const codes = [
    new LeaseNotFoundError(),
    new LeaseExistsError(),
    new LeaseTtlTooLargeError(),
    new NotPrimaryError(),
  ].map((error) => clientError(error)?.code);
  expect(codes).toEqual([
    Code.NotFound,
    Code.FailedPrecondition,
    Code.OutOfRange,
    Code.FailedPrecondition,
  ]);
});
