/** The objects that scenarios are made of. */
import type { Json } from './steps.js';

/** A node; @param spec taints and the like */
export function node(name: string, labels: Json = {}, spec: Json = {}, room: Json = {}): Json {
  const amounts = { cpu: '4', memory: '8Gi', pods: '110', ...room };
  return {
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    spec,
    status: {
      capacity: amounts,
      allocatable: amounts,
      addresses: [{ type: 'InternalIP', address: '10.8.0.1' }],
    },
  };
}

/** The spec of a pod with one container. */
export function podSpec(more: Json = {}, cpu = '10m'): Json {
  return {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'c', image: 'i:1', resources: { requests: { cpu } } }],
    ...more,
  };
}

export function pod(name: string, spec: Json = {}, labels: Json = { app: name }): Json {
  return { kind: 'Pod', metadata: { name, labels }, spec: podSpec(spec) };
}

/** A workload whose pods are labelled `app=NAME`. */
export function workload(kind: string, name: string, spec: Json, podMore: Json = {}): Json {
  return {
    kind,
    metadata: { name, labels: { tier: 'x' }, annotations: { note: 'n' } },
    spec: {
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: podSpec(podMore) },
      ...spec,
    },
  };
}

/** A Job; its pods are played by the script. */
export function job(name: string, spec: Json, podMore: Json = {}): Json {
  return {
    kind: 'Job',
    metadata: { name },
    spec: { template: { spec: podSpec({ restartPolicy: 'Never', ...podMore }) }, ...spec },
  };
}

/** The merge patch that gives a template another image. */
export function image(tag: string): Json {
  return {
    spec: { template: { spec: podSpec({ containers: [{ name: 'c', image: `i:${tag}` }] }) } },
  };
}

/** The status of a pod that has ended. */
export function ended(phase: 'Succeeded' | 'Failed', exitCode: number, more: Json = {}): Json {
  const time = new Date().toISOString().replace(/\.\d+/, '');
  return {
    phase,
    containerStatuses: [
      {
        name: 'c',
        image: 'i:1',
        imageID: '',
        ready: false,
        restartCount: 0,
        state: { terminated: { exitCode, startedAt: time, finishedAt: time, reason: 'Error' } },
      },
    ],
    ...more,
  };
}
