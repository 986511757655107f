import type { ReconcileContext } from '../../client/controller/context.js';
import type { ControllerFlags } from './flags.js';

/** The dependencies and flags of every controller of the controller manager. */
export interface ControllerContext extends ReconcileContext {
  readonly flags: ControllerFlags;
}
