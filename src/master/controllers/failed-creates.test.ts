import { expect, test } from '@jest/globals';
import type { EventRecorder } from '../../client/events/recorder.js';
import { ApiError } from '../../client/types.js';
import { tellOfFailedCreates } from './failed-creates.js';

const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'web' } };

/** @param causes of the refusal; its text always speaks of a termination */
function refusal(reason: string, causes: object[]): ApiError {
  const text = 'unable to create new content in namespace a because it is being terminated';
  return new ApiError(403, reason, text, { details: { causes } });
}

test('a pod that is not made is told of, but not in a namespace that ends', () => {
  const told: string[] = [];
  const none = (): void => undefined;
  const recorder: EventRecorder = {
    event: none,
    normal: none,
    warning: (_, reason, message) => void told.push(`${reason} ${message}`),
  };
  const ending = refusal('Forbidden', [{ reason: 'NamespaceTerminating' }]);
  const webhook = refusal('Forbidden', [{ reason: 'FieldValueInvalid' }]);
  const plain = new Error('no');
  expect(tellOfFailedCreates(recorder, owner, [ending, webhook, plain])).toEqual([webhook, plain]);
  expect(told).toEqual([
    `FailedCreate Error creating: ${webhook.message}`,
    'FailedCreate Error creating: no',
  ]);
});
