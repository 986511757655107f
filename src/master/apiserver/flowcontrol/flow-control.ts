import { mandatoryLevels } from '../../../api/flowcontrol/mandatory.js';
import type { FlowSchema, PriorityLevelConfiguration } from '../../../api/types/policy.js';
import type { Clock } from '../../../lib/clock.js';
import type { Attributes } from '../authz/attributes.js';
import type { ResourceCache } from '../cache/resource-cache.js';
import { borrowEveryMs, maxQueueWaitMs, maxSeatsOfList } from '../limits.js';
import { tooManyInFlight } from '../status.js';
import type { Schema } from './classify.js';
import { compileSchemas } from './classify.js';
import type { Bounds } from './concurrency.js';
import { boundsOf, shareOut, smoothed } from './concurrency.js';
import type { Asked, Queuing, Refusal, Seat } from './fair-queue.js';
import { FairQueue } from './fair-queue.js';

type LevelSpec = PriorityLevelConfiguration['spec'];

/** A level at work. */
interface Level {
  readonly name: string;
  readonly uid: string;
  readonly spec: LevelSpec;
  readonly bounds: Bounds;
  /** Undefined for an exempt one. */
  readonly queue: FairQueue | undefined;
  demand: number;
  /** The most that was wanted since the seats were shared out last. */
  mostWanted: number;
}

/** The place of a request: its FlowSchema, its level, and the flow that it is of. */
export interface Flow {
  readonly schema: Pick<Schema, 'name' | 'uid'>;
  readonly level: Pick<Level, 'name' | 'uid'>;
  /** The text that distinguishes it in its level. */
  readonly key: string;
}

/** The sender of a request that may have to wait. */
export interface Sender {
  /** Aborted when nobody waits for the answer any more. Asked for only when the request has to wait. */
  readonly signal?: AbortSignal | undefined;
  /** The time in which the sender wants an answer; unset: as long as requests may take. */
  readonly lastsMs?: number | undefined;
}

/** A request that has its seats. */
export interface DispatchedRequest {
  readonly level: string;
  readonly schema: string;
  readonly waitedMs: number;
}

/** What became of requests, for the metrics. */
export interface FlowCounts {
  readonly rejected: ReadonlyMap<string, number>;
  readonly levels: readonly {
    readonly name: string;
    readonly limit: number;
    readonly inUse: number;
    readonly waiting: number;
  }[];
}

/**
 * API priority and fairness: each request is of the first FlowSchema that matches it, and takes seats of that one's
 * level. A level has its share of the server's seats, lends what it does not need, and lets flows wait in turn.
 */
export class FlowControl {
  readonly #clock: Clock;
  readonly #serverSeats: number;
  readonly #caches: { readonly schemas: ResourceCache; readonly levels: ResourceCache };
  readonly #rejected = new Map<string, number>();
  readonly #onDispatched: (request: DispatchedRequest) => void;
  #schemas: readonly Schema[] = [];
  #levels = new Map<string, Level>();
  #isStale = true;
  #cancel: (() => void) | undefined;
  #ends: (() => void)[] = [];

  constructor(options: {
    readonly clock: Clock;
    readonly serverSeats: number;
    readonly schemas: ResourceCache;
    readonly levels: ResourceCache;
    /** @default nobody is told */
    readonly onDispatched?: (request: DispatchedRequest) => void;
  }) {
    this.#onDispatched = options.onDispatched ?? (() => undefined);
    this.#clock = options.clock;
    this.#serverSeats = options.serverSeats;
    this.#caches = { schemas: options.schemas, levels: options.levels };
  }

  /** Follows the objects from here on, and shares the seats out every ten seconds. */
  start(): void {
    const stale = (): void => {
      this.#isStale = true;
    };
    const observer = { onEvent: stale, onReset: stale };
    stale();
    for (const cache of Object.values(this.#caches)) this.#ends.push(cache.observe(observer));
    this.#scheduleSharing();
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    for (const end of this.#ends.splice(0)) end();
  }

  classify(asked: Attributes): Flow {
    if (this.#isStale) this.#configure();
    // The last one matches whoever is authenticated, or is not: everybody.
    const schema = this.#schemas.find(({ matches }) => matches(asked)) ?? this.#schemas.at(-1);
    const level = this.#levels.get(schema?.level ?? '');
    if (schema === undefined || level === undefined) throw new Error('no FlowSchema is there');
    return { schema, level, key: `${schema.name}\0${schema.distinguisher(asked)}` };
  }

  /** Seats that a list of so many objects takes (apiserver's work estimator: one for each hundred). */
  seatsOfList({ level }: Flow, objects: number): number {
    const nominal = this.#levels.get(level.name)?.bounds.nominal ?? 0;
    const most = Math.min(maxSeatsOfList, Math.max(1, Math.floor(nominal * 0.15)));
    return Math.min(most, Math.max(1, Math.ceil(objects / 100)));
  }

  /**
   * Takes seats: at once where there are some, later where the request may wait.
   * @returns gives them back
   * @throws StatusError 429
   */
  enter(flow: Flow, seats: number, sender?: Sender): (() => void) | Promise<() => void> {
    const level = this.#levels.get(flow.level.name);
    const queue = level?.queue;
    if (level === undefined || queue === undefined) {
      this.#dispatched(flow, 0);
      return nothingTaken;
    }
    let seated: Seat | undefined;
    let onSeat = (seat: Seat): void => {
      seated = seat;
    };
    const asked: Asked = { flow: flow.key, seats, onSeat: (seat) => onSeat(seat) };
    const startedMs = this.#clock.monotonicMs();
    const refusal = queue.enter(asked, startedMs);
    level.mostWanted = Math.max(level.mostWanted, queue.demand);
    if (refusal !== undefined) throw this.#refuse(flow, refusal);
    if (seated !== undefined) {
      this.#dispatched(flow, 0);
      return this.#leaver(queue, seated);
    }
    return new Promise((resolve, reject) => {
      const giveUp = (reason: Refusal): void => {
        if (!queue.abandon(asked)) return;
        done();
        reject(this.#refuse(flow, reason));
      };
      const waitMs = Math.min(maxQueueWaitMs, sender?.lastsMs ?? maxQueueWaitMs);
      const cancel = this.#clock.schedule(waitMs, () => giveUp('time-out'));
      const signal = sender?.signal;
      const onGone = (): void => giveUp('cancelled');
      const done = (): void => {
        cancel();
        signal?.removeEventListener('abort', onGone);
      };
      onSeat = (seat) => {
        done();
        this.#dispatched(flow, this.#clock.monotonicMs() - startedMs);
        resolve(this.#leaver(queue, seat));
      };
      if (signal?.aborted === true) onGone();
      else signal?.addEventListener('abort', onGone);
    });
  }

  #dispatched({ level, schema }: Flow, waitedMs: number): void {
    this.#onDispatched({ level: level.name, schema: schema.name, waitedMs });
  }

  #leaver(queue: FairQueue, seat: Seat): () => void {
    let isTaken = true;
    return () => {
      if (isTaken) queue.leave(seat, this.#clock.monotonicMs());
      isTaken = false;
    };
  }

  #refuse({ schema, level }: Flow, reason: Refusal): Error {
    const labels = `${level.name}\0${schema.name}\0${reason}`;
    this.#rejected.set(labels, (this.#rejected.get(labels) ?? 0) + 1);
    return tooManyInFlight();
  }

  get counts(): FlowCounts {
    if (this.#isStale) this.#configure();
    const levels = [...this.#levels.values()].map(({ name, queue, bounds }) => ({
      name,
      limit: queue?.limit ?? bounds.nominal,
      inUse: queue?.inUse ?? 0,
      waiting: queue?.waiting ?? 0,
    }));
    return { rejected: this.#rejected, levels };
  }

  /** Takes over the objects as they are; a level that keeps its queues keeps those who wait in them. */
  #configure(): void {
    this.#isStale = false;
    const objects = [...this.#caches.levels.list()].map((entry) =>
      entry.object<PriorityLevelConfiguration>(),
    );
    const present = new Set(objects.map(({ metadata }) => metadata.name));
    const all = [
      ...objects,
      ...mandatoryLevels.filter(({ metadata }) => !present.has(metadata.name)),
    ];
    const bounds = boundsOf(
      new Map(all.map(({ metadata, spec }) => [metadata.name, spec])),
      this.#serverSeats,
    );
    const before = this.#levels;
    this.#levels = new Map(
      all.map((object) => {
        const { name } = object.metadata;
        const own = bounds.get(name) ?? { nominal: 1, min: 1, max: 1 };
        return [name, levelOf(object, own, before.get(name))];
      }),
    );
    this.#schemas = compileSchemas(
      [...this.#caches.schemas.list()].map((entry) => entry.object<FlowSchema>()),
      (name) => this.#levels.has(name),
    );
    this.#share();
  }

  #scheduleSharing(): void {
    this.#cancel = this.#clock.schedule(borrowEveryMs, () => {
      for (const level of this.#levels.values()) {
        level.demand = smoothed(level.demand, level.mostWanted);
        level.mostWanted = level.queue?.demand ?? 0;
      }
      this.#share();
      this.#scheduleSharing();
    });
  }

  #share(): void {
    const limited = [...this.#levels.values()].filter(({ queue }) => queue !== undefined);
    const seats = shareOut(limited, this.#serverSeats);
    const nowMs = this.#clock.monotonicMs();
    limited.forEach(({ queue }, index) => {
      if (queue === undefined) return;
      queue.limit = seats[index] ?? 1;
      queue.resume(nowMs);
    });
  }
}

const nothingTaken = (): void => undefined;

function levelOf(
  { metadata, spec }: PriorityLevelConfiguration,
  bounds: Bounds,
  before: Level | undefined,
): Level {
  const queuing = queuingOf(spec);
  const isSame =
    before?.spec.type === spec.type &&
    JSON.stringify(queuingOf(before.spec)) === JSON.stringify(queuing);
  const kept = isSame ? before.queue : undefined;
  const queue =
    spec.type === 'Exempt' ? undefined : (kept ?? new FairQueue(bounds.nominal, queuing));
  return {
    name: metadata.name,
    uid: metadata.uid ?? '',
    spec,
    bounds,
    queue,
    demand: before?.demand ?? 0,
    mostWanted: before?.mostWanted ?? 0,
  };
}

function queuingOf({ limited }: LevelSpec): Queuing | undefined {
  const queuing = limited?.limitResponse.queuing;
  if (queuing === undefined) return undefined;
  const { queues = 64, handSize = 8, queueLengthLimit = 50 } = queuing;
  return { queues, handSize, queueLengthLimit };
}
