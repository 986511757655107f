/** Where the time of a pod went, from its creation until it was ready: by what the pod and its events say; pure. */
import { findCondition } from '../../api/facts/conditions.js';
import { parseTime } from '../../api/facts/time.js';
import type { Event, Pod } from '../../api/types/core.js';

/** A step of a pod's start. */
export interface PodStep {
  readonly what: string;
  /** When it was over, in Unix milliseconds. */
  readonly atMs: number;
  /** Where that stands. */
  readonly from: string;
  /** How long it took itself, where somebody has measured that. */
  readonly tookMs?: number;
}

/** The steps that are over, in the order of their times; those of one time in the order in which they come. */
export function podSteps(pod: Pod, events: readonly Event[]): PodStep[] {
  const found = [
    step('created', pod.metadata.creationTimestamp, 'metadata.creationTimestamp'),
    ofCondition(pod, 'PodScheduled', `scheduled to ${pod.spec.nodeName ?? ''}`),
    step('seen by the node', pod.status?.startTime, 'status.startTime'),
    ...ofEvents(events, 'Pulling'),
    ...pulled(events),
    ofCondition(pod, 'PodReadyToStartContainers', 'sandbox and volumes ready'),
    ...initContainers(pod),
    ofCondition(pod, 'Initialized', 'init containers done'),
    ...ofEvents(events, 'Created'),
    ...started(pod, events),
    ofCondition(pod, 'ContainersReady', 'containers ready'),
    ofCondition(pod, 'Ready', 'ready'),
  ];
  return found
    .filter((one) => one !== undefined)
    .map((one, at) => ({ one, at }))
    .toSorted((a, b) => a.one.atMs - b.one.atMs || a.at - b.at)
    .map(({ one }) => one);
}

function step(what: string, time: string | null | undefined, from: string): PodStep | undefined {
  const atMs = parseTime(time);
  return atMs === undefined ? undefined : { what, atMs, from };
}

function ofCondition({ status }: Pod, type: string, what: string): PodStep | undefined {
  const condition = findCondition(status?.conditions, type);
  if (condition?.status !== 'True') return undefined;
  return step(what, condition.lastTransitionTime, `condition ${type}`);
}

/** The time at which an event came first: one that comes again is about a later start. */
function firstTime({ eventTime, firstTimestamp, lastTimestamp }: Event): string | undefined {
  return eventTime ?? firstTimestamp ?? lastTimestamp ?? undefined;
}

function ofEvents(events: readonly Event[], reason: string): (PodStep | undefined)[] {
  return events
    .filter((event) => event.reason === reason)
    .map((event) => {
      const { message = '' } = event;
      const what =
        message === '' ? reason : `${message[0]?.toLowerCase() ?? ''}${message.slice(1)}`;
      return step(what, firstTime(event), `event ${reason}`);
    });
}

/** `… in 1.2s (1.2s including waiting)`: how long the pull took itself. */
function pulled(events: readonly Event[]): (PodStep | undefined)[] {
  return events
    .filter(({ reason }) => reason === 'Pulled')
    .map((event) => {
      const { message = '' } = event;
      const [, image = ''] = /image "([^"]*)"/.exec(message) ?? [];
      const [, took] = / in ((?:\d+(?:\.\d+)?(?:ms|h|m|s))+)/.exec(message) ?? [];
      const isThere = message.includes('already present');
      const what = isThere ? `image ${image} was there` : `image ${image} pulled`;
      const found = step(what, firstTime(event), 'event Pulled');
      const tookMs = took === undefined ? undefined : durationMs(took);
      return found === undefined || tookMs === undefined ? found : { ...found, tookMs };
    });
}

const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** A duration as Go prints it. */
function durationMs(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  return parts.reduce((sum, [, count, unit = 's']) => sum + Number(count) * (unitMs[unit] ?? 0), 0);
}

function initContainers({ status }: Pod): (PodStep | undefined)[] {
  return (status?.initContainerStatuses ?? []).map(({ name, state }) =>
    step(
      `init container ${name} ended`,
      state?.terminated?.finishedAt,
      'status.initContainerStatuses',
    ),
  );
}

/** The first start of each container: the status of one that was started again tells of a later one. */
function started({ status }: Pod, events: readonly Event[]): (PodStep | undefined)[] {
  return (status?.containerStatuses ?? []).map(({ name, state, restartCount }) => {
    const event = events.find(
      ({ reason, message = '' }) => reason === 'Started' && message.endsWith(` ${name}`),
    );
    const time =
      restartCount > 0 ? undefined : (state?.running?.startedAt ?? state?.terminated?.startedAt);
    if (time !== undefined) {
      return step(`container ${name} started`, time, 'status.containerStatuses');
    }
    return event && step(`container ${name} started`, firstTime(event), 'event Started');
  });
}
