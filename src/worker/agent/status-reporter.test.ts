import { expect, test } from '@jest/globals';
import { ApiError } from '../../client/index.js';
import type { ApiClient } from '../../client/index.js';
import type { Pod, PodStatus } from '../../api/types/core.js';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { StatusReporter } from './status-reporter.js';

function podOf(resourceVersion: string, status: PodStatus): Pod {
  const metadata = { name: 'p', namespace: 'default', uid: 'u', resourceVersion };
  return { metadata, spec: { containers: [] }, status };
}

/** A reporter of one pod, whose API takes only what is said of the version that it holds. */
function setUp(): {
  readonly reporter: StatusReporter;
  readonly held: { pod: Pod };
  readonly known: { pod: Pod; status: PodStatus };
} {
  const held = { pod: podOf('5', { phase: 'Pending' }) };
  const known = { pod: held.pod, status: { phase: 'Running' } as PodStatus };
  const client = {
    patch: (...call: readonly unknown[]) => {
      const { metadata, status } = call[3] as { metadata: Pod['metadata']; status: PodStatus };
      if (metadata.resourceVersion !== held.pod.metadata.resourceVersion) {
        return Promise.reject(new ApiError(409, 'Conflict', 'the object has been modified'));
      }
      held.pod = podOf(String(Number(metadata.resourceVersion) + 1), { phase: status.phase ?? '' });
      return Promise.resolve(held.pod);
    },
  } as unknown as ApiClient;
  const reporter = new StatusReporter({
    client,
    clock: new ManualClock(),
    log: silentLogger,
    find: () => ({
      pod: known.pod,
      status: () => known.status,
      update: (pod) => {
        known.pod = pod;
      },
    }),
  });
  return { reporter, held, known };
}

test('a status is said of the version that is known, so that one that comes late is refused', async () => {
  const { reporter, held, known } = setUp();
  await reporter.report('u');
  expect(held.pod.status?.phase).toBe('Running');
  known.status = { phase: 'Failed' };
  await reporter.report('u');
  expect(held.pod.metadata.resourceVersion).toBe('7');
});

test('a conflict is tried again with the newer pod', async () => {
  const { reporter, held, known } = setUp();
  held.pod = podOf('6', { phase: 'Pending' });
  await expect(reporter.report('u')).rejects.toMatchObject({ reason: 'Conflict' });
  known.pod = held.pod;
  await reporter.report('u');
  expect(held.pod.status?.phase).toBe('Running');
});
