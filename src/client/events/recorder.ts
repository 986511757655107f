/** Events about objects, written in the background and as far as possible: one that cannot be written is dropped. */
import { formatTime } from '../../api/facts/time.js';
import type { Event } from '../../api/types/core.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { resources } from '../resources.js';
import type { ApiClient } from '../types.js';
import { isApiError } from '../types.js';
import type { CountedEvent, EventSubject, EventType, Occurrence } from './correlator.js';
import { EventCorrelator } from './correlator.js';

/** Tells of what happened to objects, in the name of one component. Returns at once. */
export interface EventRecorder {
  normal(subject: EventSubject, reason: string, message: string): void;
  warning(subject: EventSubject, reason: string, message: string): void;
  event(
    subject: EventSubject,
    type: EventType,
    reason: string,
    message: string,
    more?: EventDetail,
  ): void;
}

/** What events of components that name their action have beside the others. */
type EventDetail = Pick<Occurrence, 'action' | 'related'>;

/** Events that wait to be written; beyond it the oldest is dropped. */
const pendingLimit = 2000;
/** Events written at once, of different names. */
const lanes = 4;

/** Writes the events of a process; its recorders share it. */
export class EventSink {
  readonly #client: ApiClient;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #log: Logger;
  readonly #host: string | undefined;
  readonly #correlator = new EventCorrelator();
  readonly #pending: CountedEvent[] = [];
  readonly #writing = new Set<string>();

  /** @param options.host the node that the events are reported from, for components of nodes */
  constructor(options: {
    readonly client: ApiClient;
    readonly clock: Pick<Clock, 'nowMs'>;
    readonly log: Logger;
    readonly host?: string;
  }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#host = options.host;
  }

  /** @param component Kubernetes' name of it, such as "deployment-controller" */
  recorder(component: string): EventRecorder {
    const event: EventRecorder['event'] = (subject, type, reason, message, more = {}) => {
      const atMs = this.#clock.nowMs();
      const occurrence = { component, subject, type, reason, message, atMs, ...more };
      this.#add(this.#correlator.correlate(occurrence));
    };
    return {
      event,
      normal: (subject, reason, message) => event(subject, 'Normal', reason, message),
      warning: (subject, reason, message) => event(subject, 'Warning', reason, message),
    };
  }

  #add(event: CountedEvent | undefined): void {
    if (event === undefined) return;
    if (this.#pending.length >= pendingLimit) {
      this.#pending.shift();
      this.#log.debug({ limit: pendingLimit }, 'too many events wait, the oldest is dropped');
    }
    this.#pending.push(event);
    this.#drain();
  }

  /** Writes of one event keep their order: a count never goes back. */
  #drain(): void {
    while (this.#writing.size < lanes) {
      const next = this.#pending.findIndex(({ name }) => !this.#writing.has(name));
      const [event] = next < 0 ? [] : this.#pending.splice(next, 1);
      if (event === undefined) return;
      this.#writing.add(event.name);
      void this.#write(event)
        .catch((error: unknown) =>
          this.#log.debug({ error, reason: event.reason }, 'an event could not be written'),
        )
        .finally(() => {
          this.#writing.delete(event.name);
          this.#drain();
        });
    }
  }

  /** An event that should be there and is not (it has expired, or was never written) is made anew with its count. */
  async #write(event: CountedEvent): Promise<void> {
    const { name, count, message, atMs } = event;
    if (count > 1) {
      try {
        const key = { namespace: namespaceOf(event), name };
        const patch = { count, lastTimestamp: formatTime(atMs), message };
        await this.#client.patch(resources.events, key, 'application/merge-patch+json', patch);
        return;
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    }
    await this.#client.create<Event>(resources.events, eventObject(event, this.#host));
  }
}

/** Events about objects without a namespace are in `default`. */
function namespaceOf({ subject }: CountedEvent): string {
  return subject.metadata.namespace ?? 'default';
}

function referenceOf(subject: EventSubject): Event['involvedObject'] {
  const { apiVersion = 'v1', kind, metadata, fieldPath } = subject;
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    ...(apiVersion === '' ? {} : { apiVersion }),
    kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(fieldPath === undefined ? {} : { fieldPath }),
  };
}

function eventObject(event: CountedEvent, host: string | undefined): Event {
  const { component, subject, type, reason, message, count, action, related } = event;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: event.name, namespace: namespaceOf(event) },
    involvedObject: referenceOf(subject),
    ...(related === undefined ? {} : { related: referenceOf(related) }),
    ...(action === undefined ? {} : { action }),
    reason,
    message,
    type,
    source: { component, ...(host === undefined ? {} : { host }) },
    reportingComponent: component,
    reportingInstance: host ?? '',
    firstTimestamp: formatTime(event.firstMs),
    lastTimestamp: formatTime(event.atMs),
    count,
  };
}
