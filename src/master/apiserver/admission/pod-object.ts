import type { KubeObject } from '../../../api/object.js';
import type { AdmissionRequest } from '../registry/types.js';

export interface Toleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
  tolerationSeconds?: number;
}

export interface ContainerObject {
  name: string;
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[];
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
}

/** The parts of a pod that admission reads and writes. */
export interface PodObject extends KubeObject {
  spec: {
    serviceAccountName?: string;
    serviceAccount?: string;
    automountServiceAccountToken?: boolean;
    imagePullSecrets?: { name?: string }[];
    priority?: number;
    priorityClassName?: string;
    preemptionPolicy?: string;
    tolerations?: Toleration[];
    volumes?: ({ name: string } & Record<string, unknown>)[];
    containers: ContainerObject[];
    initContainers?: ContainerObject[];
    nodeName?: string;
  };
}

/** True for the creation of a pod itself. */
export function createsPod(request: AdmissionRequest): boolean {
  const { kind, subresource } = request.context.target;
  return (
    request.operation === 'CREATE' &&
    kind.kind === 'Pod' &&
    kind.group === '' &&
    subresource === '' &&
    request.object !== undefined
  );
}
