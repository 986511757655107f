import { findCondition } from '../../api/facts/conditions.js';
import { formatTime } from '../../api/facts/time.js';
import { humanDuration } from '../../api/print/duration.js';
import type { Pod } from '../../api/types/core.js';
import { renderTable } from '../table.js';
import type { PodStep } from './pod-steps.js';

/** Times of objects have whole seconds: what is shorter cannot be told apart. */
const coarse =
  'Times of objects have whole seconds: a step of 0s took less than one, or nothing.\n';

/** What `trace` says of a pod. @param nowMs for a pod that is not ready yet */
export function podWords(pod: Pod, steps: readonly PodStep[], nowMs: number): string {
  const { name } = pod.metadata;
  const [first] = steps;
  if (first === undefined) return `${name} says no time of any step\n`;
  const rows = steps.map((one, at) => {
    const before = steps[at - 1];
    const took = before === undefined ? '' : seconds(one.tookMs ?? one.atMs - before.atMs);
    return [one.what, formatTime(one.atMs), took, seconds(one.atMs - first.atMs), one.from];
  });
  const table = renderTable(['STEP', 'AT', 'TOOK', 'SINCE CREATED', 'FROM'], rows);
  return `${headOf(pod, steps, nowMs)}\n${table}${coarse}`;
}

function headOf(pod: Pod, steps: readonly PodStep[], nowMs: number): string {
  const { name } = pod.metadata;
  const createdMs = steps[0]?.atMs ?? nowMs;
  const ready = findCondition(pod.status?.conditions, 'Ready');
  if (ready?.status !== 'True') {
    const last = steps.at(-1);
    const phase = pod.status?.phase ?? 'Pending';
    if (phase === 'Succeeded' || phase === 'Failed') return `${name} has ended (${phase})`;
    const since = seconds(nowMs - (last?.atMs ?? nowMs));
    return `${name} is not ready, ${seconds(nowMs - createdMs)} after it was created; ${since} since: ${last?.what ?? ''}. What keeps it: trireme why pod/${name}`;
  }
  const readyMs = steps.find(({ what }) => what === 'ready')?.atMs;
  const restarts = (pod.status?.containerStatuses ?? []).some(
    ({ restartCount }) => restartCount > 0,
  );
  const again = restarts
    ? '; containers were started again since, and so it may have been ready before'
    : '';
  const when =
    readyMs === undefined
      ? 'is ready; since when is not told'
      : `became ready ${seconds(readyMs - createdMs)} after it was created`;
  return `${name} ${when}${longest(steps)}${again}`;
}

/** The step that took longest, where one stands out. */
function longest(steps: readonly PodStep[]): string {
  let [most, what] = [0, ''];
  steps.forEach((one, at) => {
    const before = steps[at - 1];
    if (before === undefined) return;
    const took = one.tookMs ?? one.atMs - before.atMs;
    if (took > most) [most, what] = [took, one.what];
  });
  return what === '' ? '' : `; the longest step: ${what}, ${seconds(most)}`;
}

/** `4s`, `2.1s`, `3m20s`, `12h`. */
function seconds(ms: number): string {
  const whole = Math.max(0, Math.round(ms / 100) / 10);
  return whole < 60 ? `${whole}s` : humanDuration(ms);
}
