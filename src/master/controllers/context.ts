import type { ReconcileContext } from '../../client/controller/context.js';
import type { ControllerFlags } from './flags.js';

/** What every controller of the controller manager gets. */
export interface ControllerContext extends ReconcileContext {
  readonly flags: ControllerFlags;
}
