import { expect, test } from '@jest/globals';
import { AgentMetrics } from './agent-metrics.js';

test('starts of containers are counted by their kind, failed ones by their reason', () => {
  const metrics = new AgentMetrics('n1', () => undefined);
  metrics.containerStarted('main', undefined);
  metrics.containerStarted('main', 'CreateContainerError');
  metrics.containerStarted('sidecar', 'RunContainerError');
  const lines = metrics.registry
    .metrics()
    .split('\n')
    .filter((line) => line.startsWith('kubelet_started_containers'));
  expect(lines).toEqual([
    'kubelet_started_containers_total{container_type="container"} 2',
    'kubelet_started_containers_total{container_type="init_container"} 1',
    'kubelet_started_containers_errors_total{container_type="container",code="CreateContainerError"} 1',
    'kubelet_started_containers_errors_total{container_type="init_container",code="RunContainerError"} 1',
  ]);
});
