/** All scenarios. */
import { jobs } from './jobs.js';
import { node } from './objects.js';
import { scheduling } from './scheduling.js';
import { services } from './services.js';
import type { Scenario } from './steps.js';
import { workloads } from './workloads.js';

/** The nodes of scenarios that are not about nodes. */
export const commonNodes = [
  node('w1', { 'topology.kubernetes.io/zone': 'a' }),
  node('w2', { 'topology.kubernetes.io/zone': 'b' }),
  node('w3', {}, { taints: [{ key: 'k', effect: 'NoSchedule' }] }),
];

export const plan: readonly Scenario[] = [...workloads, ...jobs, ...services, ...scheduling];
