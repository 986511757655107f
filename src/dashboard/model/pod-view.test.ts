import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../../api/types/core.js';
import { containerViews, defaultContainer } from './pod-view.js';

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-1', namespace: 'default' },
  spec: {
    initContainers: [
      { name: 'prepare', image: 'busybox' },
      { name: 'proxy', image: 'envoy', restartPolicy: 'Always' },
    ],
    containers: [
      {
        name: 'web',
        image: 'nginx',
        ports: [{ containerPort: 80 }, { containerPort: 53, protocol: 'UDP' }],
      },
      { name: 'agent', image: 'agent' },
      { name: 'late', image: 'late' },
    ],
  },
  status: {
    initContainerStatuses: [
      {
        name: 'prepare',
        restartCount: 0,
        ready: true,
        state: { terminated: { exitCode: 0, reason: 'Completed' } },
      },
      { name: 'proxy', restartCount: 1, ready: true, state: { running: {} } },
    ],
    containerStatuses: [
      {
        name: 'web',
        restartCount: 4,
        ready: false,
        state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
      },
      { name: 'agent', restartCount: 0, ready: false, state: { running: {} } },
    ],
  },
} as unknown as Pod;

describe('the containers of a pod', () => {
  test('come in the order in which they start, with what they do', () => {
    const views = containerViews(pod).map(({ name, role, state, tone, detail }) =>
      [name, role, state, tone, detail].join(' | '),
    );
    expect(views).toEqual([
      'prepare | init | Completed | calm | exit code 0',
      'proxy | sidecar | Running | good | ',
      'web | container | CrashLoopBackOff | bad | back-off 40s',
      'agent | container | Running | busy | not ready',
      'late | container | Waiting | busy | ',
    ]);
    const web = containerViews(pod)[2];
    expect(web).toMatchObject({ ports: '80/TCP, 53/UDP', restarts: 4, isRunning: false });
  });

  test('have one that logs begin with', () => {
    expect(defaultContainer(pod)).toBe('web');
    const named = (name: string): Pod => ({
      ...pod,
      metadata: {
        ...pod.metadata,
        annotations: { 'kubectl.kubernetes.io/default-container': name },
      },
    });
    expect(defaultContainer(named('agent'))).toBe('agent');
    expect(defaultContainer(named('gone'))).toBe('web');
  });
});
