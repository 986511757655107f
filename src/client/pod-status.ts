/** Changes of a pod's status by components that own a part of it alone. */
import type { Condition, Pod, PodStatus } from '../api/types/core.js';
import { resources } from './resources.js';
import type { ApiClient } from './types.js';

/** The fields of a status to set; a condition replaces the one of its type. Null takes a field away. */
export interface PodStatusChange {
  readonly phase?: PodStatus['phase'];
  readonly nominatedNodeName?: string | null;
  readonly conditions?: readonly ConditionChange[];
}

type ConditionChange =
  | Condition
  | (Omit<Condition, 'reason' | 'message'> & {
      readonly reason: string | null;
      readonly message: string | null;
    });

/**
 * Patches the status of that very pod. Conditions that are not named stay what the API server has, which may be newer
 * than `pod`: a list that is sent whole would take back what the node has said since.
 * @param options.ifUnchanged whether a pod that is newer than `pod` is left as it is
 * @throws ApiError Conflict for another pod of the name, and for a newer one that is left
 */
export async function patchPodStatus(
  client: ApiClient,
  pod: Pod,
  status: PodStatusChange,
  { ifUnchanged = false }: { readonly ifUnchanged?: boolean } = {},
): Promise<void> {
  const { metadata } = pod;
  const { uid, resourceVersion } = metadata;
  const preconditions = {
    ...(uid === undefined ? {} : { uid }),
    ...(ifUnchanged ? { resourceVersion } : {}),
  };
  await client.patch(
    resources.pods,
    metadata,
    'application/strategic-merge-patch+json',
    { metadata: preconditions, status: { ...status, ...orderOf(pod, status) } },
    { subresource: 'status' },
  );
}

/** New conditions come after those that are there: without an order a strategic merge puts them first. */
function orderOf(pod: Pod, { conditions }: PodStatusChange): object {
  if (conditions === undefined) return {};
  const all = [...(pod.status?.conditions ?? []), ...conditions];
  const types = [...new Set(all.map(({ type }) => type))];
  return { '$setElementOrder/conditions': types.map((type) => ({ type })) };
}
