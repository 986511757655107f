/**
 * The schedule of snapshots of a cluster: a ConfigMap that the administrator sets, and that every master hands to its
 * own member of the store as a file.
 */
import type { ConfigMap } from '../../api/types/core.js';
import type { ApiClient, GetOptions } from '../../client/index.js';
import { isApiError } from '../../client/index.js';
import { resources } from '../../client/resources.js';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import { errorMessage } from '../../lib/errors.js';
import { writeWhole } from '../../lib/files/write-whole.js';
import { parseDurationMs } from '../../lib/go-duration.js';
import type { Logger } from '../../lib/log.js';

/** The ConfigMap; without it each master keeps to its flags. */
export const scheduleConfigMap = { namespace: 'kube-system', name: 'trireme-snapshot-schedule' };

const intervalMsMin = 60_000;
const intervalMsMax = 31 * 86_400_000;
/** So many snapshots may be kept at most: what is kept is bounded. */
export const keepCountMax = 1000;
/** Between two looks at the ConfigMap. */
const lookEveryMs = 10_000;

/** What is taken how often, and how many of them each master keeps. */
export interface SnapshotSchedule {
  /** A duration as Go writes it, or `0`: none are taken. */
  readonly interval: string;
  readonly keep: number;
}

/** Checks a schedule. @returns what is wrong with it, or undefined */
export function scheduleFault({ interval, keep }: SnapshotSchedule): string | undefined {
  const ms = parseDurationMs(interval);
  if (ms === undefined) return `"${interval}" is no duration, such as 30m or 4h`;
  if (ms !== 0 && (ms < intervalMsMin || ms > intervalMsMax)) {
    return 'the interval is 0 (none are taken), or from 1m to 744h';
  }
  const isCount = Number.isInteger(keep) && keep >= 1 && keep <= keepCountMax;
  return isCount ? undefined : `from 1 to ${keepCountMax} snapshots are kept`;
}

/** Makes the ConfigMap of a schedule. */
export function scheduleMapOf({ interval, keep }: SnapshotSchedule): ConfigMap {
  const data = { interval, keep: String(keep) };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...scheduleConfigMap }, data };
}

/** Reads the schedule of a ConfigMap. @throws Error that says what is wrong with it */
export function scheduleIn({ data = {} }: ConfigMap): SnapshotSchedule {
  const schedule = { interval: data['interval'] ?? '', keep: Number(data['keep'] ?? Number.NaN) };
  const fault = scheduleFault(schedule);
  if (fault === undefined) return schedule;
  const { namespace, name } = scheduleConfigMap;
  throw new Error(`the ConfigMap ${namespace}/${name} holds no schedule: ${fault}`);
}

/** Reads the schedule that is set; undefined where none is. @throws ApiError; Error for one that is wrong */
export async function readSchedule(
  client: ApiClient,
  options: GetOptions = {},
): Promise<SnapshotSchedule | undefined> {
  try {
    return scheduleIn(
      await client.get<ConfigMap>(resources.configMaps, scheduleConfigMap, options),
    );
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** Sets the schedule, or takes it back. @throws ApiError */
export async function writeSchedule(
  client: ApiClient,
  schedule: SnapshotSchedule | undefined,
): Promise<void> {
  try {
    if (schedule === undefined) {
      await client.delete(resources.configMaps, scheduleConfigMap);
      return;
    }
    const map = scheduleMapOf(schedule);
    const patch = { data: map.data };
    const type = 'application/merge-patch+json';
    await client
      .patch(resources.configMaps, scheduleConfigMap, type, patch)
      .catch(async (error: unknown) => {
        if (!isApiError(error, 'NotFound')) throw error;
        await client.create(resources.configMaps, map);
      });
  } catch (error) {
    if (schedule !== undefined || !isApiError(error, 'NotFound')) throw error;
  }
}

/** The text of the file for the member of the store; empty: it keeps to its flags. */
export function settingsFileText(schedule: SnapshotSchedule | undefined): string {
  if (schedule === undefined) return '';
  const intervalMs = parseDurationMs(schedule.interval) ?? 0;
  return JSON.stringify({ intervalMs, keepCount: schedule.keep });
}

/** Writes the file whenever the schedule changes, until `signal` aborts; what cannot be read changes nothing. */
export async function followSchedule(
  options: {
    readonly client: ApiClient;
    readonly path: string;
    readonly clock: Clock;
    readonly log: Logger;
  },
  signal: AbortSignal,
): Promise<void> {
  const { client, path, clock, log } = options;
  let written: string | undefined;
  let complained = '';
  while (!signal.aborted) {
    try {
      const text = settingsFileText(await readSchedule(client, { resourceVersion: '0' }));
      if (text !== written) await writeWhole(path, text);
      written = text;
      complained = '';
    } catch (error) {
      const complaint = errorMessage(error);
      if (isApiError(error)) log.debug({ error }, 'the schedule of snapshots cannot be read yet');
      else if (complaint !== complained)
        log.warn({ error }, 'the schedule of snapshots is unchanged');
      complained = complaint;
    }
    await delay(clock, lookEveryMs, signal);
  }
}
