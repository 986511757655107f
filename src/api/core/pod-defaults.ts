/** Defaulting of pods and pod templates that needs a look at several fields. */
import { parseImageReference } from '../../lib/image-reference.js';
import type { Container, Pod, PodSpec } from '../types/core.js';

/** `Always` for the tag `latest`, given or not; `IfNotPresent` for others, and for names that are none. */
export function defaultPullPolicy(image: string): string {
  return parseImageReference(image)?.tag === 'latest' ? 'Always' : 'IfNotPresent';
}

/** Defaults that pods and templates share; in place. */
export function setPodSpecDefaults(spec: PodSpec | undefined): void {
  if (spec === undefined) return;
  const containers: Container[][] = [
    spec.containers ?? [],
    spec.initContainers ?? [],
    spec.ephemeralContainers ?? [],
  ];
  for (const container of containers.flat()) {
    if (container.imagePullPolicy === undefined && container.image !== undefined) {
      container.imagePullPolicy = defaultPullPolicy(container.image);
    }
  }
  for (const volume of spec.volumes ?? []) {
    if (Object.keys(volume).every((field) => field === 'name')) volume.emptyDir = {};
  }
  mirrorServiceAccount(spec);
}

/** The deprecated field and its successor always say the same. */
function mirrorServiceAccount(spec: PodSpec): void {
  const name = spec.serviceAccountName ?? spec.serviceAccount;
  if (name === undefined) return;
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
}

/** Requests that are not given are the limits. */
function defaultRequests(container: Container): void {
  const limits = container.resources?.limits;
  if (limits === undefined || container.resources === undefined) return;
  container.resources.requests = { ...limits, ...container.resources.requests };
}

/** Defaults of pods; templates keep these open. */
export function setPodDefaults(pod: Pod): void {
  const { spec } = pod;
  setPodSpecDefaults(spec);
  spec.enableServiceLinks ??= true;
  // As Kubernetes reads every pod, and no template.
  if (Number(spec.terminationGracePeriodSeconds ?? 0) < 0) spec.terminationGracePeriodSeconds = 1;
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    defaultRequests(container);
    if (spec.hostNetwork !== true) continue;
    for (const port of container.ports ?? []) port.hostPort ??= port.containerPort;
  }
}
