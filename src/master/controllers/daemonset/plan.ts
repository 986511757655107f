/** Which node should run a DaemonSet's pod, and what to do about it. Pure. @see kubernetes pkg/controller/daemon */
import { covers } from '../../../api/facts/tolerations.js';
import { matchesNodeRequirements } from '../../../api/facts/node-selector.js';
import type { Node, Pod, PodTemplateSpec, Toleration } from '../../../api/types/core.js';
import type { DaemonSet, DaemonSetStatus } from '../../../api/types/workloads.js';
import { scaledValue } from '../../../api/facts/int-or-string.js';
import { isPodAvailable, isPodReady, isPodTerminal } from '../../../api/facts/pods.js';
import { revisionHashLabel } from '../history/revisions.js';
import { byCreation } from '../../../api/facts/time.js';

/** Tolerations that each daemon pod gets, so that it runs on nodes in trouble (AddOrUpdateDaemonPodTolerations). */
export function daemonTolerations(hostNetwork: boolean): Toleration[] {
  const exists = (name: string, effect: string): Toleration => ({
    key: `node.kubernetes.io/${name}`,
    operator: 'Exists',
    effect,
  });
  return [
    exists('not-ready', 'NoExecute'),
    exists('unreachable', 'NoExecute'),
    exists('disk-pressure', 'NoSchedule'),
    exists('memory-pressure', 'NoSchedule'),
    exists('pid-pressure', 'NoSchedule'),
    exists('unschedulable', 'NoSchedule'),
    ...(hostNetwork ? [exists('network-unavailable', 'NoSchedule')] : []),
  ];
}

/** The template as pods are made of it: pinned to a node by affinity on its name, and with the tolerations. */
export function daemonTemplate(
  template: PodTemplateSpec,
  nodeName: string,
  hash: string,
): PodTemplateSpec {
  const { spec } = template;
  const pin = { key: 'metadata.name', operator: 'In', values: [nodeName] };
  const required =
    spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const terms = required ?? [{}];
  const added = daemonTolerations(spec.hostNetwork === true);
  const others = (spec.tolerations ?? []).filter(
    (own) => !added.some((a) => a.key === own.key && a.effect === own.effect),
  );
  return {
    metadata: {
      ...template.metadata,
      labels: { ...template.metadata?.labels, [revisionHashLabel]: hash },
    },
    spec: {
      ...spec,
      tolerations: [...others, ...added],
      affinity: {
        ...spec.affinity,
        nodeAffinity: {
          ...spec.affinity?.nodeAffinity,
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: terms.map((term) => ({ ...term, matchFields: [pin] })),
          },
        },
      },
    },
  };
}

/** The node a daemon pod is for, also while it is not placed. */
export function targetNode(pod: Pod): string {
  if ((pod.spec.nodeName ?? '') !== '') return pod.spec.nodeName ?? '';
  const terms =
    pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
      ?.nodeSelectorTerms ?? [];
  for (const { matchFields = [] } of terms) {
    for (const { key, values = [] } of matchFields) {
      if (key === 'metadata.name' && values[0] !== undefined) return values[0];
    }
  }
  return '';
}

/** `run`: a pod should be made; `keep`: one that is there may stay. */
export function judgeNode(set: DaemonSet, node: Node): { run: boolean; keep: boolean } {
  const { spec } = set.spec.template;
  if ((spec.nodeName ?? '') !== '' && spec.nodeName !== node.metadata.name) {
    return { run: false, keep: false };
  }
  if (!matchesNodeRequirements({ metadata: { name: '' }, spec }, node)) {
    return { run: false, keep: false };
  }
  const tolerations = [
    ...(spec.tolerations ?? []),
    ...daemonTolerations(spec.hostNetwork === true),
  ];
  const untolerated = (node.spec.taints ?? []).filter(
    (taint) => !tolerations.some((toleration) => covers(toleration, taint)),
  );
  return {
    run: !untolerated.some(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute'),
    keep: !untolerated.some(({ effect }) => effect === 'NoExecute'),
  };
}

export interface DaemonPlan {
  readonly create: readonly string[];
  readonly delete: readonly Pod[];
  readonly failed: readonly Pod[];
  readonly status: DaemonSetStatus;
}

/** @param hash of the newest revision */
export function planDaemonSet(options: {
  readonly set: DaemonSet;
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  readonly hash: string;
  readonly nowMs: number;
}): DaemonPlan {
  const { set, nodes, pods, hash } = options;
  const byNode = new Map<string, Pod[]>();
  for (const pod of pods) {
    const name = targetNode(pod);
    byNode.set(name, [...(byNode.get(name) ?? []), pod]);
  }
  const create: string[] = [];
  const remove = new Set<Pod>();
  const failed: Pod[] = [];
  for (const node of nodes) {
    const { name } = node.metadata;
    const here = byNode.get(name) ?? [];
    const { run, keep } = judgeNode(set, node);
    const alive = here.filter((pod) => pod.metadata.deletionTimestamp === undefined);
    if (!keep) {
      for (const pod of alive) remove.add(pod);
      continue;
    }
    const ended = alive.filter((pod) => pod.status?.phase === 'Failed');
    for (const pod of ended) failed.push(pod);
    const running = alive.filter((pod) => !isPodTerminal(pod)).toSorted(byCreation);
    for (const pod of running.slice(1)) {
      if (set.spec.updateStrategy?.rollingUpdate?.maxSurge === undefined) remove.add(pod);
    }
    if (run && here.length === 0) create.push(name);
  }
  const known = new Set(nodes.map((node) => node.metadata.name));
  for (const [name, orphans] of byNode) {
    if (!known.has(name)) for (const pod of orphans) remove.add(pod);
  }
  for (const pod of updateStep(options, remove)) remove.add(pod);
  const dying = set.metadata.deletionTimestamp !== undefined;
  return {
    create: dying ? [] : create,
    delete: dying ? [] : [...remove].filter((p) => p.metadata.deletionTimestamp === undefined),
    failed: dying ? [] : failed,
    status: statusOf(options, byNode, hash),
  };
}

/** Pods of an old template to give up now, keeping within maxUnavailable. */
function updateStep(
  { set, nodes, pods, hash, nowMs }: Parameters<typeof planDaemonSet>[0],
  already: ReadonlySet<Pod>,
): Pod[] {
  if (set.spec.updateStrategy?.type === 'OnDelete') return [];
  const wanted = nodes.filter((node) => judgeNode(set, node).run);
  const maxUnavailable = Math.max(
    1,
    scaledValue(set.spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, wanted.length, 'up'),
  );
  const minReady = set.spec.minReadySeconds ?? 0;
  let unavailable = 0;
  const replaceable: Pod[] = [];
  const result: Pod[] = [];
  for (const node of wanted) {
    const pod = pods.find(
      (candidate) =>
        targetNode(candidate) === node.metadata.name &&
        candidate.metadata.deletionTimestamp === undefined &&
        !already.has(candidate) &&
        !isPodTerminal(candidate),
    );
    if (pod === undefined) {
      unavailable++;
      continue;
    }
    const available = isPodAvailable(pod, minReady, nowMs);
    if (!available) unavailable++;
    if (pod.metadata.labels?.[revisionHashLabel] === hash) continue;
    if (available) replaceable.push(pod);
    else result.push(pod);
  }
  const room = Math.max(0, maxUnavailable - unavailable);
  return [...result, ...replaceable.slice(0, room)];
}

function statusOf(
  { set, nodes, nowMs }: Parameters<typeof planDaemonSet>[0],
  byNode: ReadonlyMap<string, readonly Pod[]>,
  hash: string,
): DaemonSetStatus {
  const minReady = set.spec.minReadySeconds ?? 0;
  let desired = 0;
  let current = 0;
  let misscheduled = 0;
  let ready = 0;
  let available = 0;
  let updated = 0;
  for (const node of nodes) {
    const here = (byNode.get(node.metadata.name) ?? []).toSorted(byCreation);
    const pod = here[0];
    if (!judgeNode(set, node).run) {
      if (here.length > 0) misscheduled++;
      continue;
    }
    desired++;
    if (pod === undefined) continue;
    current++;
    if (isPodReady(pod)) ready++;
    if (isPodAvailable(pod, minReady, nowMs)) available++;
    if (here.some((p) => p.metadata.labels?.[revisionHashLabel] === hash)) updated++;
  }
  return {
    currentNumberScheduled: current,
    desiredNumberScheduled: desired,
    numberMisscheduled: misscheduled,
    numberReady: ready,
    observedGeneration: set.metadata.generation ?? 0,
    ...(updated === 0 ? {} : { updatedNumberScheduled: updated }),
    ...(available === 0 ? {} : { numberAvailable: available }),
    ...(desired === available ? {} : { numberUnavailable: desired - available }),
    ...(set.status?.collisionCount === undefined
      ? {}
      : { collisionCount: set.status.collisionCount }),
  };
}
