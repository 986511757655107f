import { expect, test } from '@jest/globals';
import { Code } from '../../../lib/grpc/index.js';
import { http1Limits } from '../../../lib/net-limits.js';
import { failure, tooManyInFlight } from '../status.js';
import { toGrpcError } from './errors.js';

function statusOf(error: unknown): unknown {
  const bytes = toGrpcError(error).metadata.get('status-bin');
  return bytes === undefined ? undefined : JSON.parse(bytes.toString());
}

test('a Status travels whole', () => {
  const refused = failure(422, 'Invalid', 'is invalid', { kind: 'Pod', causes: [{ field: 'a' }] });
  expect(toGrpcError(refused)).toMatchObject({ code: Code.InvalidArgument, message: 'is invalid' });
  expect(statusOf(refused)).toEqual(refused.status);
  expect(statusOf(tooManyInFlight())).toEqual(tooManyInFlight().status);
});

test.each([
  ['a message', 'é'.repeat(1_000_000), {}],
  ['a name', 'is invalid', { name: 'n'.repeat(100_000) }],
  ['causes', 'is invalid', { causes: Array.from({ length: 5_000 }, () => ({ field: 'data' })) }],
  ['a message that just fits', 'é'.repeat(5_900), {}],
])('with long parts it fits into a header block all the same: %s', (_part, text, details) => {
  const error = toGrpcError(failure(422, 'Invalid', text, { kind: 'Pod', ...details }));
  const bytes = error.metadata.get('status-bin') ?? Buffer.alloc(0);
  const trailer = bytes.toString('base64').length + encodeURIComponent(error.message).length;
  expect(trailer).toBeLessThan(http1Limits.headBytes);
  expect(JSON.parse(bytes.toString())).toMatchObject({
    code: 422,
    reason: 'Invalid',
    details: { kind: 'Pod' },
  });
  expect(error.message.startsWith(text.slice(0, 1_000))).toBe(true);
});
