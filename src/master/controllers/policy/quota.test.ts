/** The controller of quotas on the fake API: its loop, not its counting. */
import { afterEach, describe, test } from '@jest/globals';
import type { ResourceQuota } from '../../../api/types/core.js';
import { resources } from '../../../client/resources.js';
import type { RunningControllers } from '../testkit/run-controllers.js';
import { runControllers } from '../testkit/run-controllers.js';

const key = { namespace: 'default', name: 'limits' };

describe('the status of a quota', () => {
  let running: RunningControllers;

  afterEach(() => running.stop());

  test('what others write into it does not stay', async () => {
    // test/e2e/apimachinery/resource_quota.go: "Spec was unchanged and /status reset".
    running = await runControllers(['resourcequota-controller']);
    const hard = { cpu: '1', memory: '1Gi' };
    const holds = ({ status }: ResourceQuota): boolean =>
      status?.hard?.['cpu'] === '1' && status.used?.['cpu'] === '0';
    await running.api.create<ResourceQuota>(resources.resourceQuotas, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: key,
      spec: { hard },
    });
    const counted = await running.untilObject(resources.resourceQuotas, key, holds);
    const status = { ...counted.status, hard: { cpu: '2', memory: '2Gi' } };
    await running.api.updateStatus<ResourceQuota>(resources.resourceQuotas, { ...counted, status });
    await running.untilObject(resources.resourceQuotas, key, holds);
  });
});
