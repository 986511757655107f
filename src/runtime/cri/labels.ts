/** What is written on sandboxes and containers, so that an agent that starts anew, and `crictl`, find their way. */
import type { PodIdentity } from '../types.js';

/** Kubelet's labels, by which `crictl` and log collectors sort what they see. */
export const kubeLabels = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  container: 'io.kubernetes.container.name',
} as const;

/** Kubelet's annotation. */
export const restartCountAnnotation = 'io.kubernetes.container.restartCount';

/** Ours: the agent's own ids. What does not carry them is somebody else's and is left alone. */
export const ownLabels = {
  sandbox: 'trireme.io/sandbox-id',
  container: 'trireme.io/container-id',
} as const;

/** What the agent must know of a sandbox or a container again, as JSON. */
export const recordAnnotation = 'trireme.io/record';

/** Labels of the pod that a sandbox or a container belongs to. */
export function podLabels({ uid, namespace, name }: PodIdentity): Record<string, string> {
  return {
    [kubeLabels.podName]: name,
    [kubeLabels.podNamespace]: namespace,
    [kubeLabels.podUid]: uid,
  };
}

/** The pod that labels name. */
export function podOf(labels: Readonly<Record<string, string>>): PodIdentity {
  return {
    uid: labels[kubeLabels.podUid] ?? '',
    namespace: labels[kubeLabels.podNamespace] ?? '',
    name: labels[kubeLabels.podName] ?? '',
  };
}
