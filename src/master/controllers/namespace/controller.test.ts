/** The controller of namespaces on the fake API: its loop, not its words. */
import { afterEach, expect, test } from '@jest/globals';
import type { Namespace } from '../../../api/types/core.js';
import { ApiError } from '../../../client/types.js';
import { resources } from '../../../client/resources.js';
import type { RunningControllers } from '../testkit/run-controllers.js';
import { runControllers } from '../testkit/run-controllers.js';

let running: RunningControllers;
afterEach(() => running.stop());

test('objects that cannot be deleted for one reason are one error', async () => {
  running = await runControllers(['namespace-controller']);
  const { api } = running;
  for (const name of ['a', 'b', 'c']) {
    await api.create(resources.configMaps, { metadata: { namespace: 'gone', name } });
  }
  api.intercept = ({ verb, resource }) => {
    if (verb === 'delete' && resource.resource === 'configmaps') {
      throw new ApiError(403, 'Forbidden', 'not today');
    }
  };
  await api.create<Namespace>(resources.namespaces, {
    // The fake takes away what ends and has no finalizer.
    metadata: {
      name: 'gone',
      deletionTimestamp: '2026-01-01T00:00:00Z',
      finalizers: ['example.com/stays'],
    },
    spec: { finalizers: ['kubernetes'] },
  });
  const failure = ({ status }: Namespace): string | undefined =>
    status?.conditions?.find(({ type }) => type === 'NamespaceDeletionContentFailure')?.message;
  const told = await running.untilObject<Namespace>(
    resources.namespaces,
    { name: 'gone' },
    (object) => failure(object) !== undefined,
  );
  expect(failure(told)).toBe('Failed to delete all resource types, 1 remaining: not today');
});
