/** NodeRestriction on claims and volumes: a node reports a claim's resizing, and lets go of its own directories. */
import { cloneJson } from '../../../api/clone.js';
import { semanticEqual } from '../../../api/equal.js';
import type { KubeObject } from '../../../api/object.js';
import type { PersistentVolume, PersistentVolumeClaim } from '../../../api/types/core.js';
import { isLocalTo } from '../../../api/facts/local-path.js';
import type { AdmissionRequest } from '../registry/types.js';
import type { Refuse } from './node-refusal.js';

/** Refuses changes of a claim by a node beyond the status of a resize. */
export function checkClaimStatus(
  { context, operation, object, old }: AdmissionRequest,
  node: string,
  refuse: Refuse,
): void {
  if (context.target.subresource !== 'status') refuse('may only update PVC status');
  if (operation !== 'UPDATE') refuse(`unexpected operation "${operation}"`);
  if (object === undefined || old === undefined) return;
  const same = differsOnlyIn(
    // The kind says what the objects are.
    object as PersistentVolumeClaim,
    old as PersistentVolumeClaim,
    ({ status }) => {
      if (status === undefined) return;
      delete status.capacity;
      delete status.conditions;
      delete status.allocatedResources;
      delete status.allocatedResourceStatuses;
    },
  );
  if (same) return;
  refuse(
    `node "${node}" is not allowed to update fields other than status.quantity and status.conditions`,
  );
}

/**
 * The worker ends the wait of a deleted volume for its directory: it takes its finalizer away, and changes nothing
 * else.
 */
export function checkVolume({ object, old }: AdmissionRequest, node: string, refuse: Refuse): void {
  const [next, before] = [
    object as PersistentVolume | undefined,
    old as PersistentVolume | undefined,
  ];
  const same =
    next !== undefined &&
    before !== undefined &&
    isLocalTo(before, node) &&
    before.metadata.deletionTimestamp !== undefined &&
    differsOnlyIn(next, before, ({ metadata }) => delete metadata.finalizers);
  if (!same) {
    refuse(`node "${node}" may only remove the finalizers of deleted volumes on its own disk`);
  }
}

/**
 * True when nothing but what `masked` empties differs. The version may be left out, and managed fields follow the rest.
 */
function differsOnlyIn<T extends KubeObject>(
  next: T,
  old: T,
  masked: (object: T) => void,
): boolean {
  const [left, right] = [cloneJson(next), cloneJson(old)];
  for (const object of [left, right]) {
    delete object.metadata.resourceVersion;
    delete object.metadata.managedFields;
    masked(object);
  }
  return semanticEqual(left, right);
}
