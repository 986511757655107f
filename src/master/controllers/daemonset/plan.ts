/**
 * The nodes that should run a DaemonSet's pod, and the pods to create and delete. Pure.
 * @see kubernetes pkg/controller/daemon
 */
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

/**
 * The template as pods are made of it: pinned to a node by affinity on its name, and with the tolerations.
 * @param generation how often the template has changed, which the API server counts
 */
export function daemonTemplate(
  template: PodTemplateSpec,
  nodeName: string,
  hash: string,
  generation?: string,
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
      labels: {
        ...template.metadata?.labels,
        ...(generation === undefined ? {} : { 'pod-template-generation': generation }),
        [revisionHashLabel]: hash,
      },
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

/** The next step of a DaemonSet: the pods to create and to delete, and its status. */
export interface DaemonPlan {
  /** Nodes that get a pod. */
  readonly create: readonly string[];
  readonly delete: readonly Pod[];
  /** Ended pods, to be deleted so that others take their place; failed ones after a back-off. */
  readonly ended: readonly Pod[];
  readonly status: DaemonSetStatus;
}

interface DaemonState {
  readonly set: DaemonSet;
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  /** Hash of the newest revision. */
  readonly hash: string;
  readonly nowMs: number;
}

type Steps = Omit<DaemonPlan, 'status'>;

/** Compares the nodes that should run the DaemonSet's pod with those that do, and returns the next step. */
export function planDaemonSet(state: DaemonState): DaemonPlan {
  const { set, pods } = state;
  const byNode = new Map<string, Pod[]>();
  for (const pod of pods) {
    const name = targetNode(pod);
    byNode.set(name, [...(byNode.get(name) ?? []), pod]);
  }
  for (const here of byNode.values()) here.sort(byPlacement);
  const status = statusOf(state, byNode);
  if (set.metadata.deletionTimestamp !== undefined) {
    return { create: [], delete: [], ended: [], status };
  }
  const steps = manage(state, byNode);
  const settled = steps.create.length + steps.delete.length === 0;
  if (!settled || set.spec.updateStrategy?.type === 'OnDelete') return { ...steps, status };
  return { ...update(state, byNode), ended: steps.ended, status };
}

/** Plans one pod on each node that should have one, and none elsewhere. */
function manage(state: DaemonState, byNode: ReadonlyMap<string, readonly Pod[]>): Steps {
  const { set, nodes } = state;
  const create: string[] = [];
  const remove: Pod[] = [];
  const ended: Pod[] = [];
  for (const node of nodes) {
    const here = byNode.get(node.metadata.name) ?? [];
    const alive = here.filter((pod) => pod.metadata.deletionTimestamp === undefined);
    const { run, keep } = judgeNode(set, node);
    if (run && here.length === 0) create.push(node.metadata.name);
    else if (keep) {
      ended.push(...alive.filter(isPodTerminal));
      remove.push(
        ...surplus(
          state,
          alive.filter((pod) => !isPodTerminal(pod)),
        ),
      );
    } else remove.push(...alive);
  }
  const known = new Set(nodes.map((node) => node.metadata.name));
  for (const [name, orphans] of byNode) {
    if (known.has(name)) continue;
    // Pods that were placed are removed with their node.
    const unplaced = orphans.filter((pod) => (pod.spec.nodeName ?? '') === '');
    remove.push(...unplaced.filter((pod) => pod.metadata.deletionTimestamp === undefined));
  }
  return { create, delete: remove, ended };
}

/** Picks the running pods of one node that are too many: with surge, one old and one new may stand side by side. */
function surplus(state: DaemonState, running: readonly Pod[]): Pod[] {
  if (limitsOf(state).maxSurge === 0) return running.slice(1);
  const { newest, old } = updatedPods(running, state.hash);
  const others = running.filter((pod) => pod !== newest && pod !== old);
  if (newest === undefined || old === undefined) return others;
  const done = !isPodReady(old) || isAvailable(state, newest);
  return done ? [...others, old] : others;
}

function updatedPods(running: readonly Pod[], hash: string) {
  const isNew = (pod: Pod): boolean => pod.metadata.labels?.[revisionHashLabel] === hash;
  return { newest: running.find(isNew), old: running.find((pod) => !isNew(pod)) };
}

function isAvailable({ set, nowMs }: DaemonState, pod: Pod): boolean {
  return isPodAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs);
}

/** Returns the most nodes without an available pod, and the most with two, during an update. */
function limitsOf({ set, nodes }: DaemonState): { maxUnavailable: number; maxSurge: number } {
  const wanted = nodes.filter((node) => judgeNode(set, node).run).length;
  const { maxUnavailable = 1, maxSurge = 0 } = set.spec.updateStrategy?.rollingUpdate ?? {};
  if (set.spec.updateStrategy?.type === 'OnDelete') return { maxUnavailable: 0, maxSurge: 0 };
  const surge = scaledValue(maxSurge, wanted, 'up');
  const unavailable = scaledValue(maxUnavailable, wanted, 'up');
  return { maxUnavailable: surge + unavailable === 0 ? 1 : unavailable, maxSurge: surge };
}

/** A step of the rolling update. */
function update(
  state: DaemonState,
  byNode: ReadonlyMap<string, readonly Pod[]>,
): Omit<Steps, 'ended'> {
  const { set, nodes, hash } = state;
  const { maxUnavailable, maxSurge } = limitsOf(state);
  const stale: { readonly name: string; readonly pod: Pod; readonly available: boolean }[] = [];
  let unavailable = 0;
  let surging = 0;
  for (const node of nodes) {
    const { name } = node.metadata;
    if (!judgeNode(set, node).run) continue;
    const running = (byNode.get(name) ?? []).filter(
      (pod) => pod.metadata.deletionTimestamp === undefined && !isPodTerminal(pod),
    );
    const { newest, old } = updatedPods(running, hash);
    if (newest !== undefined && old !== undefined) surging++;
    const shown = old ?? newest;
    const available = shown !== undefined && isAvailable(state, shown);
    if (!available) unavailable++;
    if (old !== undefined && newest === undefined) stale.push({ name, pod: old, available });
  }
  const useless = stale.filter(({ available }) => !available);
  const useful = stale.filter(({ available }) => available);
  if (maxSurge > 0) {
    const room = Math.max(0, maxSurge - surging);
    const create = [...useless, ...useful.slice(0, room)].map(({ name }) => name);
    return { create, delete: [] };
  }
  const room = Math.max(0, maxUnavailable - unavailable);
  const doomed = [...useless, ...useful.slice(0, room)].map(({ pod }) => pod);
  return { create: [], delete: doomed };
}

/** Placed ones first, then the oldest. */
function byPlacement(a: Pod, b: Pod): number {
  const placed = Number((b.spec.nodeName ?? '') !== '') - Number((a.spec.nodeName ?? '') !== '');
  return placed !== 0 ? placed : byCreation(a, b);
}

function statusOf(
  state: DaemonState,
  byNode: ReadonlyMap<string, readonly Pod[]>,
): DaemonSetStatus {
  const { set, nodes, hash } = state;
  let desired = 0;
  let current = 0;
  let misscheduled = 0;
  let ready = 0;
  let available = 0;
  let updated = 0;
  for (const node of nodes) {
    const pod = (byNode.get(node.metadata.name) ?? []).toSorted(byCreation)[0];
    if (!judgeNode(set, node).run) {
      if (pod !== undefined) misscheduled++;
      continue;
    }
    desired++;
    if (pod === undefined) continue;
    current++;
    if (isPodReady(pod)) ready++;
    if (isAvailable(state, pod)) available++;
    if (pod.metadata.labels?.[revisionHashLabel] === hash) updated++;
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
