/** Whether the pods are as they should be: what the API says, what runs, what the pods noted themselves. */
import type { Pod } from '../../src/api/types/core.js';
import type { Machines } from './machine.js';
import type { Workload } from './workload.js';

/** @param ends how often something ended containers; @returns what is wrong, a line each */
export function judgePods(machine: Machines, workload: Workload, ends: number): string[] {
  const listed = machine.kubectl(['get', 'pods', '-o', 'json']);
  if (listed.code !== 0) return [`pods cannot be listed: ${listed.err}`];
  const { items: all } = JSON.parse(listed.out) as { items: Pod[] };
  const starts = workload.starts();
  const processes = [...machine.processes().values()];
  const held = processes.filter((words) => words.startsWith('sh -c : noted')).length;
  // Evicted ones stay until somebody deletes them; others have come in their place.
  const isEvicted = ({ metadata, status }: Pod): boolean =>
    status?.reason === 'Evicted' && metadata.labels?.['app'] !== 'once';
  const items = all.filter((pod) => !isEvicted(pod));
  const problems = items.flatMap((pod) => judgePod(pod, starts, ends));
  for (const app of ['web', 'pair']) {
    const own = items.filter(({ metadata }) => metadata.labels?.['app'] === app);
    const isReady = (pod: Pod): boolean =>
      pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ??
      false;
    const ready = own.filter(isReady).length;
    if (own.length !== 3 || ready !== 3)
      problems.push(`${app}: ${ready} ready of ${own.length}, not 3`);
  }
  // Each `other` is a shell that waits; all else has become its program.
  const shells = items.filter(({ metadata }) => metadata.labels?.['app'] === 'pair').length;
  if (held !== shells) problems.push(`${held} shells run, not ${shells}`);
  for (const [who, count] of starts) {
    const [uid = '', name = ''] = who.split(' ');
    const isOnce =
      name === 'main' &&
      items.some(({ metadata }) => metadata.uid === uid && metadata.labels?.['app'] === 'once');
    if (isOnce && count > 1) problems.push(`a pod that may run once ran ${count} times: ${who}`);
  }
  return problems;
}

function judgePod(
  { metadata, spec, status }: Pod,
  starts: ReadonlyMap<string, number>,
  ends: number,
): string[] {
  const problems: string[] = [];
  const who = metadata.name;
  if (metadata.deletionTimestamp !== undefined) return [`${who} is still being deleted`];
  const once = spec.restartPolicy === 'Never';
  if (once && status?.phase !== 'Failed') problems.push(`${who} is ${status?.phase}, not Failed`);
  for (const { name, restartCount, state } of status?.containerStatuses ?? []) {
    const noted = starts.get(`${metadata.uid} ${name}`) ?? 0;
    if (!once && state?.running === undefined)
      problems.push(`${who}/${name} does not run: ${JSON.stringify(state)}`);
    if (noted > restartCount + 1) {
      problems.push(
        `${who}/${name} has started ${noted} times, and tells of ${restartCount} restarts`,
      );
    }
    if (restartCount > ends + noted) {
      problems.push(`${who}/${name} tells of ${restartCount} restarts after ${ends} accidents`);
    }
  }
  return problems;
}
