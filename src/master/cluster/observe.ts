/**
 * Passes on what the members of the store tell of themselves, to one caller. Each member is read on a stream of its
 * own, and not faster than the caller reads: what waits, waits in the member's ring of events, which is bounded.
 */
import type { ClusterView, Observation, ObserveRequest } from '../../gen/cluster.js';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import { errorMessage } from '../../lib/errors.js';
import type { Sender } from '../../lib/grpc/index.js';
import type { StoreAdmin, StoreMember, StoreTelemetry } from './store-admin.js';
import type { ApiLook } from './api-look.js';
import { MemberRelay } from './member-relay.js';
import type { Position } from './member-relay.js';

/** The parts that one observation works with. */
export interface ObserveOptions {
  /** One for all observers of this master. */
  readonly api: ApiLook;
  readonly store: StoreAdmin & StoreTelemetry;
  readonly clock: Clock;
  /** This master's name. */
  readonly name: string;
}

/** The view is looked at so often, the members of the store less. */
const viewEveryMs = 250;
const membersEveryMs = 1000;
/** A view is sent this often even when nothing changed. */
const heartbeatMs = 1000;
/** Members that a cursor may be given for: more than any cluster has. */
const maxCursors = 64;

/** The receiver of what is observed: a call of gRPC, or an answer over HTTP. */
export type ObservationSink = Pick<Sender<Observation>, 'send' | 'drained' | 'ended'>;

/** Observes for one caller until `signal` aborts. */
export async function observe(
  options: ObserveOptions,
  request: ObserveRequest,
  stream: ObservationSink,
  signal: AbortSignal,
): Promise<void> {
  await new Observer(options, request, stream, signal).run();
}

class Observer {
  readonly #options: ObserveOptions;
  readonly #stream: ObservationSink;
  readonly #signal: AbortSignal;
  readonly #known: ReadonlyMap<bigint, Position>;
  readonly #relays = new Map<bigint, MemberRelay>();
  #members: readonly StoreMember[] = [];
  #lookedMs = -Infinity;

  constructor(
    options: ObserveOptions,
    request: ObserveRequest,
    stream: ObservationSink,
    signal: AbortSignal,
  ) {
    this.#options = options;
    this.#stream = stream;
    this.#signal = signal;
    this.#known = new Map(
      request.cursors
        .slice(0, maxCursors)
        .map(({ member, startedMs, sequence }) => [member, { startedMs, sequence }]),
    );
  }

  async run(): Promise<void> {
    const { clock } = this.#options;
    const signal = this.#signal;
    let sent = '';
    let sentMs = -Infinity;
    try {
      while (!signal.aborted && !this.#stream.ended) {
        await this.#lookAtMembers();
        // A call that waits for a leader must not hold up the rest.
        void this.#options.api.refresh();
        const view = this.#view();
        const essence = JSON.stringify({ ...view, ageMs: 0 }, bigintText);
        if (essence !== sent || clock.monotonicMs() - sentMs >= heartbeatMs) {
          await this.#send({ $case: 'view', value: view });
          sent = essence;
          sentMs = clock.monotonicMs();
        }
        await delay(clock, viewEveryMs, signal);
      }
    } finally {
      for (const relay of this.#relays.values()) relay.stop();
    }
  }

  async #send(what: NonNullable<Observation['what']>): Promise<void> {
    const more = this.#stream.send({ answeredBy: this.#options.name, what });
    if (!more) await this.#stream.drained();
  }

  /** Starts to read members that are new, and lets go of those that were removed. */
  async #lookAtMembers(): Promise<void> {
    const { clock, store } = this.#options;
    if (clock.monotonicMs() - this.#lookedMs < membersEveryMs) return;
    this.#lookedMs = clock.monotonicMs();
    try {
      this.#members = await store.memberList();
    } catch {
      // The known members stay: their own silence shows what is wrong.
    }
    for (const [id, relay] of this.#relays) {
      const member = this.#members.find((one) => one.id === id);
      if (member?.clientUrls[0] === relay.url) continue;
      relay.stop();
      this.#relays.delete(id);
    }
    for (const { id, clientUrls } of this.#members) {
      const [url] = clientUrls;
      if (url === undefined || this.#relays.has(id)) continue;
      const relay = new MemberRelay({
        store,
        clock,
        url,
        known: this.#known.get(id),
        report: (report) => this.#send({ $case: 'report', value: report }),
        silent: (error) =>
          this.#send({ $case: 'silence', value: { member: id, error: errorMessage(error) } }),
      });
      this.#relays.set(id, relay);
      void relay.run();
    }
  }

  #view(): ClusterView {
    const { api } = this.#options;
    return {
      members: this.#members.map(({ name, id, clientUrls, learner }) => ({
        name,
        id,
        clientUrl: clientUrls[0] ?? '',
        learner,
      })),
      leases: api.leases,
      nodes: api.nodes,
      ageMs: api.ageMs,
    };
  }
}

function bigintText(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString(16) : value;
}
