/** Refuses a new pod that asks for what its node cannot honour. */
import { refusalOf } from '../pod/admission.js';
import * as record from '../pod/record.js';
import type { PodState } from '../pod/state.js';
import { isEnding } from '../pod/state.js';
import type { NodeContext } from './node-context.js';
import { podEvent } from './pod-events.js';

/** A pod that is refused fails as a whole; its Event and its status say why. */
export function admit(node: NodeContext, state: PodState): void {
  const { clock, events, abilities } = node;
  if (state.finished || isEnding(state)) return;
  const refusal = refusalOf(state.pod, abilities);
  if (refusal === undefined) return;
  const { reason, message } = refusal;
  podEvent(events, state.pod, 'Warning', reason, message);
  record.recordFailure(state, { reason, message: `Pod was rejected: ${message}` }, clock.nowMs());
}
