/** The pods of a Job: how they are made, and what they carry. Pure. */
import type { Container, Pod } from '../../../api/types/core.js';
import type { Job } from '../../../api/types/workloads.js';
import type { Owner } from '../../../api/facts/owners.js';
import { generateNamePrefix, podFromTemplate } from '../../../api/facts/pods.js';

/** Keeps an ended pod until it is counted. */
export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
const indexAnnotation = 'batch.kubernetes.io/job-completion-index';
const failureCountAnnotation = 'batch.kubernetes.io/job-index-failure-count';

/** A pod that is to be made. */
export interface WantedPod {
  /** Its completion index; undefined in a job that is not indexed. */
  readonly index?: number;
  /** The failures of this index, where failures are counted by index. */
  readonly failures?: number;
}

/** Tells whether a pod still has the finalizer `batch.kubernetes.io/job-tracking`. */
export function isTracked(pod: Pod): boolean {
  return (pod.metadata.finalizers ?? []).includes(trackingFinalizer);
}

/** Returns the completion index that a pod is annotated with; undefined without a number. */
export function indexOfPod(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[indexAnnotation];
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}

/** Reads the failures of the pod's index at the time when the pod was made. */
export function failureCountOf(pod: Pod): number {
  return Number(pod.metadata.annotations?.[failureCountAnnotation] ?? 0);
}

/** @param suffix five characters that make the name of an indexed pod unique */
export function jobPod(job: Job, wanted: WantedPod, suffix: string): Pod {
  const owner: Owner = { apiVersion: 'batch/v1', kind: 'Job', metadata: job.metadata };
  const { index, failures } = wanted;
  const { name } = job.metadata;
  const podName = index === undefined ? generateNamePrefix(name) : `${name}-${index}-${suffix}`;
  const pod = podFromTemplate(job.spec.template, owner, podName);
  pod.metadata.finalizers = [...(pod.metadata.finalizers ?? []), trackingFinalizer];
  if (index === undefined) return pod;
  pod.metadata.annotations = {
    ...pod.metadata.annotations,
    [indexAnnotation]: String(index),
    ...(failures === undefined ? {} : { [failureCountAnnotation]: String(failures) }),
  };
  pod.metadata.labels = { ...pod.metadata.labels, [indexAnnotation]: String(index) };
  pod.metadata.generateName = `${name}-${index}-`;
  pod.spec.hostname = `${name}-${index}`;
  pod.spec.containers = pod.spec.containers.map((container) => withIndexVariable(container));
  if (pod.spec.initContainers !== undefined) {
    pod.spec.initContainers = pod.spec.initContainers.map((c) => withIndexVariable(c));
  }
  return pod;
}

/** JOB_COMPLETION_INDEX, unless the user has set it. */
function withIndexVariable(container: Container): Container {
  const { env = [] } = container;
  if (env.some(({ name }) => name === 'JOB_COMPLETION_INDEX')) return container;
  // The label, which a pod has under the same name.
  const fieldPath = `metadata.labels['${indexAnnotation}']`;
  const variable = { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { fieldPath } } };
  return { ...container, env: [...env, variable] };
}
