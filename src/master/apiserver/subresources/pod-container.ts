import type { Pod } from '../../../api/types/core.js';
import type { ContainerRef } from '../../../gen/agent.js';
import { badRequest } from '../status.js';
import type { Objects } from '../registry/objects.js';
import type { Target } from '../registry/types.js';

const defaultAnnotation = 'kubectl.kubernetes.io/default-container';

/** A container that a request means, and the node it is on. */
export interface FoundContainer {
  readonly node: string;
  readonly ref: ContainerRef;
}

/**
 * Finds the container of a log, exec, attach or port-forward request.
 * @param needed false where a pod is enough (port-forward)
 * @throws StatusError NotFound, BadRequest
 */
export async function findContainer(
  objects: Objects,
  target: Pick<Target, 'kind' | 'namespace' | 'name'>,
  wanted: string,
  needed = true,
): Promise<FoundContainer> {
  const entry = await objects.get({ ...target });
  const pod = entry.parse<Pod>();
  const { spec, metadata } = pod;
  const container = needed ? containerOf(pod, wanted) : wanted;
  const node = spec.nodeName ?? '';
  if (node === '') throw badRequest(`pod ${metadata.name} does not have a host assigned`);
  const { namespace = '', name, uid = '' } = metadata;
  return { node, ref: { namespace, pod: name, uid, container } };
}

function containerOf(pod: Pod, wanted: string): string {
  const { spec, metadata } = pod;
  const all = [
    ...(spec.initContainers ?? []),
    ...spec.containers,
    ...(spec.ephemeralContainers ?? []),
  ].map((container) => container.name);
  if (wanted !== '') {
    if (all.includes(wanted)) return wanted;
    throw badRequest(`container ${wanted} is not valid for pod ${metadata.name}`);
  }
  const annotated = metadata.annotations?.[defaultAnnotation];
  if (annotated !== undefined && all.includes(annotated)) return annotated;
  const [only] = spec.containers;
  if (spec.containers.length === 1 && only !== undefined) return only.name;
  const names = spec.containers.map((container) => container.name).join(' ');
  const inits = (spec.initContainers ?? []).map((container) => container.name).join(' ');
  const tail = inits === '' ? '' : ` or one of the init containers: [${inits}]`;
  throw badRequest(
    `a container name must be specified for pod ${metadata.name}, choose one of: [${names}]${tail}`,
  );
}
