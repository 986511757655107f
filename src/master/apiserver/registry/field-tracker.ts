import { trackUpdate } from '../../../api/apply/managed-fields.js';
import type { KubeObject } from '../../../api/object.js';
import type { RequestContext } from './types.js';

/** Keeps `metadata.managedFields` (server-side apply's bookkeeping). */
export interface FieldTracker {
  /** Notes in `next` who set what by a create (`old` undefined) or update. Changes `next` in place. */
  onWrite(context: RequestContext, next: KubeObject, old: KubeObject | undefined): void;
}

/** @param now the present time, RFC 3339 with whole seconds */
export function createFieldTracker(now: () => string): FieldTracker {
  return {
    onWrite(context, next, old) {
      const { kind, subresource } = context.target;
      const manager = context.options.fieldManager;
      trackUpdate(kind, old, next, { manager, subresource, now: now() });
    },
  };
}
