import type { KubeObject } from '../../../api/object.js';
import type { RequestContext } from './types.js';

/** Keeps `metadata.managedFields` (server-side apply's bookkeeping). */
export interface FieldTracker {
  /** Notes in `next` who set what by a create (`old` undefined) or update. Changes `next` in place. */
  onWrite(context: RequestContext, next: KubeObject, old: KubeObject | undefined): void;
}

/** Keeps what the store holds: clients can neither add nor change entries by plain writes. */
export function createFieldTracker(): FieldTracker {
  return {
    onWrite(_context, next, old) {
      const kept = old?.metadata.managedFields;
      if (kept === undefined) delete next.metadata.managedFields;
      else next.metadata.managedFields = kept;
    },
  };
}
