/** The columns of pods, with the rules by which kubectl's STATUS column comes about. */
import { isConditionTrue } from '../facts/conditions.js';
import type { ContainerStatus, Pod } from '../types/core.js';
import { ageColumn, column, nameColumn, orText, since, wide } from './columns.js';

/** The summary in the row of a pod. */
interface PodSummary {
  readonly ready: number;
  readonly total: number;
  readonly status: string;
  readonly restarts: number;
  /** When a container last ended, in ms since 1970. */
  readonly lastRestartMs: number | undefined;
}

/** Mutable state while containers are looked at. */
interface Tally {
  status: string;
  ready: number;
  restarts: number;
  sidecarRestarts: number;
  lastRestartMs: number | undefined;
}

function later(a: number | undefined, finishedAt: string | undefined): number | undefined {
  if (finishedAt === undefined) return a;
  const ms = Date.parse(finishedAt);
  return a === undefined || ms > a ? ms : a;
}

function terminatedText(status: ContainerStatus): string {
  const ended = status.state?.terminated;
  if (ended === undefined) return '';
  if ((ended.reason ?? '') !== '') return ended.reason ?? '';
  return (ended.signal ?? 0) === 0 ? `ExitCode:${ended.exitCode}` : `Signal:${ended.signal}`;
}

/** Looks at init containers; true when the pod is still initializing. */
function tallyInit(pod: Pod, tally: Tally): boolean {
  const sidecars = new Set(
    (pod.spec.initContainers ?? [])
      .filter((container) => container.restartPolicy === 'Always')
      .map((container) => container.name),
  );
  const total = pod.spec.initContainers?.length ?? 0;
  for (const [index, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const isSidecar = sidecars.has(status.name);
    tally.restarts += status.restartCount;
    tally.lastRestartMs = later(tally.lastRestartMs, status.lastState?.terminated?.finishedAt);
    if (isSidecar) tally.sidecarRestarts += status.restartCount;
    const ended = status.state?.terminated;
    if (ended !== undefined && ended.exitCode === 0) continue;
    if (isSidecar && status.started === true) {
      if (status.ready) tally.ready += 1;
      continue;
    }
    const waiting = status.state?.waiting?.reason ?? '';
    if (ended !== undefined) tally.status = `Init:${terminatedText(status)}`;
    else if (waiting !== '' && waiting !== 'PodInitializing') tally.status = `Init:${waiting}`;
    else tally.status = `Init:${index}/${total}`;
    return true;
  }
  return false;
}

/** Looks at the main containers, the last one first, so that the first one's reason wins. */
function tallyMain(pod: Pod, tally: Tally): void {
  tally.restarts = tally.sidecarRestarts;
  let hasRunning = false;
  for (const status of (pod.status?.containerStatuses ?? []).toReversed()) {
    tally.restarts += status.restartCount;
    tally.lastRestartMs = later(tally.lastRestartMs, status.lastState?.terminated?.finishedAt);
    const waiting = status.state?.waiting?.reason ?? '';
    if (waiting !== '') tally.status = waiting;
    else if (status.state?.terminated !== undefined) tally.status = terminatedText(status);
    else if (status.ready && status.state?.running !== undefined) {
      hasRunning = true;
      tally.ready += 1;
    }
  }
  if (tally.status === 'Completed' && hasRunning) {
    tally.status = isConditionTrue(pod.status?.conditions, 'Ready') ? 'Running' : 'NotReady';
  }
}

/** Computes the row of a pod. */
export function summarizePod(pod: Pod): PodSummary {
  const sidecarCount = (pod.spec.initContainers ?? []).filter(
    (container) => container.restartPolicy === 'Always',
  ).length;
  const tally: Tally = {
    status: pod.status?.phase ?? '',
    ready: 0,
    restarts: 0,
    sidecarRestarts: 0,
    lastRestartMs: undefined,
  };
  if ((pod.status?.reason ?? '') !== '') tally.status = pod.status?.reason ?? '';
  const gated = pod.status?.conditions?.some(
    (condition) => condition.type === 'PodScheduled' && condition.reason === 'SchedulingGated',
  );
  if (gated === true) tally.status = 'SchedulingGated';
  const isInitializing = tallyInit(pod, tally);
  if (!isInitializing || isConditionTrue(pod.status?.conditions, 'Initialized'))
    tallyMain(pod, tally);
  if (pod.metadata.deletionTimestamp !== undefined) {
    const isLost = pod.status?.reason === 'NodeLost';
    const isOver = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (isLost) tally.status = 'Unknown';
    else if (!isOver) tally.status = 'Terminating';
  }
  return { ...tally, total: (pod.spec.containers?.length ?? 0) + sidecarCount };
}

function restartsText(pod: Pod, nowMs: number): string {
  const { restarts, lastRestartMs } = summarizePod(pod);
  if (restarts === 0 || lastRestartMs === undefined) return String(restarts);
  return `${restarts} (${since(new Date(lastRestartMs).toISOString(), nowMs)} ago)`;
}

function gatesText(pod: Pod): string {
  const gates = pod.spec.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const met = gates.filter((gate) =>
    isConditionTrue(pod.status?.conditions, gate.conditionType),
  ).length;
  return `${met}/${gates.length}`;
}

/** The columns of pods. */
export const podColumns = [
  nameColumn,
  column<Pod>('Ready', (pod) => {
    const { ready, total } = summarizePod(pod);
    return `${ready}/${total}`;
  }),
  column<Pod>('Status', (pod) => summarizePod(pod).status),
  column<Pod>('Restarts', restartsText),
  ageColumn,
  wide<Pod>('IP', (pod) => orText(pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP)),
  wide<Pod>('Node', (pod) => orText(pod.spec.nodeName)),
  wide<Pod>('Nominated Node', (pod) => orText(pod.status?.nominatedNodeName)),
  wide<Pod>('Readiness Gates', gatesText),
];
