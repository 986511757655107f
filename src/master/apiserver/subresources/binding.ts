import { podKind } from '../../../api/core/pod.js';
import type { FieldError } from '../../../api/field-error.js';
import { aggregate, formatFieldError, notSupported, required } from '../../../api/field-error.js';
import type { KubeObject } from '../../../api/object.js';
import { isJsonObject } from '../../../api/object.js';
import type { Pod, PodCondition } from '../../../api/types/core.js';
import type { Objects } from '../registry/objects.js';
import type { RequestContext } from '../registry/types.js';
import { wrongUid } from '../registry/writer.js';
import { badRequest, conflict } from '../status.js';

const pods = { group: '', resource: 'pods' };

/** The request for the binding of a pod that the body names: `bindings` are made in a namespace. */
export function podOf(context: RequestContext, binding: KubeObject): RequestContext {
  const { name = '' } = binding.metadata as Partial<KubeObject['metadata']>;
  return { ...context, target: { ...context.target, kind: podKind, subresource: 'binding', name } };
}

/** @throws StatusError BadRequest for a target that is no node; Kubernetes takes these for faults of its own (500) */
function targetName({ name, kind }: Record<string, unknown>): string {
  const errors: FieldError[] = [];
  if (kind !== undefined && kind !== '' && kind !== 'Node') {
    errors.push(notSupported('target.kind', kind, ['Node', '<empty>']));
  }
  if (typeof name !== 'string' || name === '') errors.push(required('target.name'));
  else if (errors.length === 0) return name;
  throw badRequest(aggregate(errors.map(formatFieldError)));
}

/** Puts a pod on a node, once. @throws StatusError Conflict when it is bound already or going away */
export async function bindPod(
  objects: Objects,
  context: RequestContext,
  binding: unknown,
): Promise<void> {
  const target = isJsonObject(binding) && isJsonObject(binding['target']) ? binding['target'] : {};
  const node = targetName(target);
  const { kind, namespace, name } = context.target;
  const metadata = isJsonObject(binding)
    ? (binding['metadata'] as KubeObject['metadata'] | undefined)
    : undefined;
  const now = objects.now();
  await objects.change({ kind, namespace, name }, (old) => {
    const pod = old as Pod;
    const refuse = (text: string): never => {
      throw conflict({ group: '', resource: 'pods/binding' }, name, text);
    };
    if (metadata?.uid !== undefined && metadata.uid !== pod.metadata.uid) {
      throw conflict(pods, name, wrongUid(context, metadata.uid, pod.metadata.uid ?? ''));
    }
    if (pod.metadata.deletionTimestamp !== undefined) {
      refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
    }
    if ((pod.spec.nodeName ?? '') !== '') {
      refuse(`pod ${name} is already assigned to node "${pod.spec.nodeName ?? ''}"`);
    }
    if ((pod.spec.schedulingGates?.length ?? 0) > 0) {
      refuse(`pod ${name} has non-empty .spec.schedulingGates`);
    }
    if (context.options.dryRun) return { next: old, isDry: true };
    pod.spec.nodeName = node;
    if (metadata?.annotations !== undefined) {
      pod.metadata.annotations = { ...pod.metadata.annotations, ...metadata.annotations };
    }
    const others = (pod.status?.conditions ?? []).filter((c) => c.type !== 'PodScheduled');
    const condition: PodCondition = {
      type: 'PodScheduled',
      status: 'True',
      lastProbeTime: null,
      lastTransitionTime: now,
    };
    pod.status = { ...pod.status, conditions: [...others, condition] };
    return { next: pod };
  });
}
