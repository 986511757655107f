/** All scenarios. */
import { budgets } from './budgets.js';
import { certificates } from './certificates.js';
import { cronJobs } from './cron-jobs.js';
import { endpoints } from './endpoints.js';
import { filters } from './filters.js';
import { garbage } from './garbage.js';
import { jobRules } from './job-rules.js';
import { jobs } from './jobs.js';
import { node } from './objects.js';
import { preemption } from './preemption.js';
import { rollouts } from './rollouts.js';
import { scheduling } from './scheduling.js';
import { services } from './services.js';
import { statefulSets } from './stateful-sets.js';
import type { Scenario } from './steps.js';
import { storage } from './storage.js';
import { workloads } from './workloads.js';

/** The nodes of scenarios that are not about nodes. */
export const commonNodes = [
  node('w1', { 'topology.kubernetes.io/zone': 'a' }),
  node('w2', { 'topology.kubernetes.io/zone': 'b' }),
  node('w3', {}, { taints: [{ key: 'k', effect: 'NoSchedule' }] }),
];

export const plan: readonly Scenario[] = [
  ...workloads,
  ...rollouts,
  ...statefulSets,
  ...jobs,
  ...jobRules,
  ...cronJobs,
  ...services,
  ...endpoints,
  ...budgets,
  ...garbage,
  ...storage,
  ...certificates,
  ...scheduling,
  ...filters,
  ...preemption,
];
