/** Refuses a new pod that its node has no room for, or that asks for what the node cannot honour. */
import type { Pod } from '../../api/types/core.js';
import type { Refusal } from '../pod/admission.js';
import { refusalOf } from '../pod/admission.js';
import { refusalUnderPressure } from '../eviction/admission.js';
import type { Misfit } from '../pod/fit.js';
import { misfitOf } from '../pod/fit.js';
import * as record from '../pod/record.js';
import type { PodState } from '../pod/state.js';
import { isEnding } from '../pod/state.js';
import type { NodeContext } from './node-context.js';
import { podEvent } from './pod-events.js';

/**
 * A pod that is refused fails as a whole; its Event and its status say why. Decides at once, unless labels or taints of
 * the node speak against the pod: a label may be newer than what was seen of the node, and was the reason why the pod
 * came here. Never rejects.
 * @param others the pods that were taken before and have not ended
 */
export async function admit(
  node: NodeContext,
  state: PodState,
  others: () => readonly Pod[],
): Promise<void> {
  if (state.finished || isEnding(state)) return;
  const unable =
    refusalOf(state.pod, node.abilities) ?? refusalUnderPressure(state.pod, node.pressures());
  let refusal = unable ?? misfit(node, state, others);
  if (refusal !== undefined && 'isOfNode' in refusal && refusal.isOfNode) {
    try {
      await node.nodeObject.fetch();
    } catch (error) {
      node.log.debug({ error }, 'the node could not be read; what was last seen of it decides');
    }
    refusal = isEnding(state) ? undefined : misfit(node, state, others);
  }
  if (refusal !== undefined) refuse(node, state, refusal);
}

function misfit(
  { nodeObject, allocatable }: NodeContext,
  { pod }: PodState,
  others: () => readonly Pod[],
): Misfit | undefined {
  return misfitOf(pod, { node: nodeObject.seen, allocatable, others: others() });
}

function refuse({ clock, events }: NodeContext, state: PodState, refusal: Refusal): void {
  const { reason, message } = refusal;
  podEvent(events, state.pod, 'Warning', reason, message);
  record.recordFailure(state, { reason, message: `Pod was rejected: ${message}` }, clock.nowMs());
}
