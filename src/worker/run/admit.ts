/** Refuses a new pod that its node has no room for, or that asks for what the node cannot honour. */
import type { Pod } from '../../api/types/core.js';
import type { Refusal } from '../pod/admission.js';
import { refusalOf } from '../pod/admission.js';
import { refusalUnderPressure } from '../eviction/admission.js';
import type { Misfit } from '../pod/fit.js';
import { misfitOf } from '../pod/fit.js';
import { takesRoom } from '../pod/phase.js';
import * as record from '../pod/record.js';
import type { PodState } from '../pod/state.js';
import { isEnding } from '../pod/state.js';
import type { NodeContext } from './node-context.js';
import { podEvent } from './pod-events.js';
import { errorMessage } from '../../lib/errors.js';

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
  refusal ??= await withoutDevices(node, state);
  if (refusal !== undefined && !isEnding(state)) refuse(node, state, refusal);
}

/** Gives the pod its devices. @returns why it gets them not */
async function withoutDevices(
  { devices, log }: NodeContext,
  state: PodState,
): Promise<Refusal | undefined> {
  const { pod } = state;
  if (devices === undefined) return undefined;
  try {
    const refusal = await devices.admit(pod);
    if (!takesRoom(state)) devices.release(pod.metadata.uid ?? '');
    return refusal;
  } catch (error) {
    log.warn({ error }, 'devices could not be given');
    const reason = errorMessage(error);
    return {
      reason: 'UnexpectedAdmissionError',
      message: `Allocate failed due to ${reason}, which is unexpected`,
    };
  }
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
  const failure = { reason, message: `Pod was rejected: ${message}`, isRejection: true };
  record.recordFailure(state, failure, clock.nowMs());
}
