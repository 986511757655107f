/** What the page of a pod shows of it. */
import type { ContainerStatus, Pod } from '../../api/types/core.js';
import type { Tone } from './tone.js';
import { toneOf } from './tone.js';

/** A container of the pod. */
export interface ContainerView {
  readonly name: string;
  /** `init` runs before the others, `sidecar` beside them all along; `ephemeral` was added by `kubectl debug`. */
  readonly role: 'container' | 'init' | 'sidecar' | 'ephemeral';
  readonly image: string;
  readonly state: string;
  readonly tone: Tone;
  /** What the state says about why. */
  readonly detail: string;
  readonly restarts: number;
  readonly ports: string;
  readonly isRunning: boolean;
}

/** The containers, in the order in which they start. */
export function containerViews(pod: Pod): readonly ContainerView[] {
  const { spec, status } = pod;
  const init = (spec.initContainers ?? []).map((container) => {
    const role = container.restartPolicy === 'Always' ? 'sidecar' : 'init';
    return viewOf(container, role, status?.initContainerStatuses);
  });
  const main = spec.containers.map((one) => viewOf(one, 'container', status?.containerStatuses));
  const ephemeral = (spec.ephemeralContainers ?? []).map((one) =>
    viewOf(one, 'ephemeral', status?.ephemeralContainerStatuses),
  );
  return [...init, ...main, ...ephemeral];
}

interface Declared {
  readonly name: string;
  readonly image?: string | undefined;
  readonly ports?:
    | readonly { readonly containerPort: number; readonly protocol?: string | undefined }[]
    | undefined;
}

function viewOf(
  container: Declared,
  role: ContainerView['role'],
  statuses: readonly ContainerStatus[] = [],
): ContainerView {
  const status = statuses.find(({ name }) => name === container.name);
  const ports = container.ports ?? [];
  return {
    name: container.name,
    role,
    image: container.image ?? '',
    ...stateOf(status),
    restarts: status?.restartCount ?? 0,
    ports: ports.map((port) => `${port.containerPort}/${port.protocol ?? 'TCP'}`).join(', '),
    isRunning: status?.state?.running !== undefined,
  };
}

function stateOf(
  status: ContainerStatus | undefined,
): Pick<ContainerView, 'state' | 'tone' | 'detail'> {
  const { running, waiting, terminated } = status?.state ?? {};
  if (terminated !== undefined) {
    const state = terminated.reason ?? `ExitCode:${terminated.exitCode}`;
    const message = terminated.message ?? '';
    const detail = [`exit code ${terminated.exitCode}`, message].filter(Boolean).join(': ');
    return { state, tone: terminated.exitCode === 0 ? 'calm' : 'bad', detail };
  }
  if (running !== undefined) {
    const isReady = status?.ready === true;
    return {
      state: 'Running',
      tone: isReady ? 'good' : 'busy',
      detail: isReady ? '' : 'not ready',
    };
  }
  const state = waiting?.reason ?? 'Waiting';
  const tone = waiting?.reason === undefined ? 'busy' : toneOf(waiting.reason);
  return { state, tone, detail: waiting?.message ?? '' };
}

/** The container that logs and shells begin with: the one that the pod's annotation names, or the first. */
export function defaultContainer(pod: Pod): string {
  const named = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  const isThere = pod.spec.containers.some(({ name }) => name === named);
  return isThere && named !== undefined ? named : (pod.spec.containers[0]?.name ?? '');
}
