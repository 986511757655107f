/**
 * Passes on what the members of the store tell of themselves, to one caller. Each member is read on a stream of its
 * own, and not faster than the caller reads: what waits, waits in the member's ring of events, which is bounded.
 */
import { objectKey } from '../../api/facts/keys.js';
import { resources } from '../../client/resources.js';
import { findCondition } from '../../api/facts/conditions.js';
import { parseTime } from '../../api/facts/time.js';
import type { Node } from '../../api/types/core.js';
import type { Lease } from '../../api/types/policy.js';
import type { ApiClient } from '../../client/index.js';
import type {
  ClusterView,
  ComponentLease,
  NodeStatus,
  Observation,
  ObserveRequest,
} from '../../gen/cluster.js';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import { errorMessage } from '../../lib/errors.js';
import { buildOf } from '../../lib/version.js';
import type { Sender } from '../../lib/grpc/index.js';
import type { StoreAdmin, StoreMember, StoreTelemetry } from './store-admin.js';
import { MemberRelay } from './member-relay.js';
import type { Position } from './member-relay.js';

/** The parts that one observation works with. */
export interface ObserveOptions {
  readonly client: ApiClient;
  readonly store: StoreAdmin & StoreTelemetry;
  readonly clock: Clock;
  /** This master's name. */
  readonly name: string;
}

/** Calls that observe at once; more are refused. */
export const maxObservers = 32;
/** The leases and nodes are looked at so often, the members of the store less. */
const viewEveryMs = 250;
const membersEveryMs = 1000;
/** A view is sent this often even when nothing changed. */
const heartbeatMs = 1000;
const callDeadlineMs = 2000;
/** Members that a cursor may be given for: more than any cluster has. */
const maxCursors = 64;

const components = ['kube-scheduler', 'kube-controller-manager'] as const;

/** Observes for one caller until `signal` aborts. */
export async function observe(
  options: ObserveOptions,
  request: ObserveRequest,
  stream: Sender<Observation>,
  signal: AbortSignal,
): Promise<void> {
  await new Observer(options, request, stream, signal).run();
}

class Observer {
  readonly #options: ObserveOptions;
  readonly #stream: Sender<Observation>;
  readonly #signal: AbortSignal;
  readonly #known: ReadonlyMap<bigint, Position>;
  readonly #relays = new Map<bigint, MemberRelay>();
  #members: readonly StoreMember[] = [];
  #leases: ComponentLease[] = [];
  #nodes: NodeStatus[] = [];
  #lookedMs = -Infinity;
  #answeredMs: number | undefined;

  constructor(
    options: ObserveOptions,
    request: ObserveRequest,
    stream: Sender<Observation>,
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
    let asking: Promise<void> | undefined;
    try {
      while (!signal.aborted && !this.#stream.ended) {
        await this.#lookAtMembers();
        // A call that waits for a leader must not hold up the rest.
        asking ??= this.#askApi().finally(() => {
          asking = undefined;
        });
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

  async #askApi(): Promise<void> {
    const { client, clock } = this.#options;
    const call = { deadlineMs: callDeadlineMs, signal: this.#signal };
    try {
      const [nodes, held] = await Promise.all([
        client.list<Node>(resources.nodes, call),
        client.list<Lease>(resources.leases, { ...call, namespace: 'kube-system' }),
      ]);
      this.#nodes = nodes.items.map(nodeStatus);
      this.#leases = components.map((component) => componentLease(component, held.items));
      this.#answeredMs = clock.monotonicMs();
    } catch {
      // The last view stays, and gets older.
    }
  }

  #view(): ClusterView {
    const answered = this.#answeredMs;
    return {
      members: this.#members.map(({ name, id, clientUrls, learner }) => ({
        name,
        id,
        clientUrl: clientUrls[0] ?? '',
        learner,
      })),
      leases: this.#leases,
      nodes: this.#nodes,
      ageMs: answered === undefined ? -1 : this.#options.clock.monotonicMs() - answered,
    };
  }
}

/** A node, as the status of the cluster shows it. */
export function nodeStatus(node: Node): NodeStatus {
  const ready = findCondition(node.status?.conditions, 'Ready');
  const address = node.status?.addresses?.find((entry) => entry.type === 'InternalIP');
  return {
    name: node.metadata.name,
    address: address?.address ?? '',
    ready: ready?.status === 'True',
    message: ready?.message ?? '',
    build: buildOf(node.status?.nodeInfo?.kubeletVersion ?? '') ?? '',
  };
}

function componentLease(component: string, held: readonly Lease[]): ComponentLease {
  const wanted = objectKey({ namespace: 'kube-system', name: component });
  const spec = held.find(({ metadata }) => objectKey(metadata) === wanted)?.spec;
  return {
    component,
    holder: spec?.holderIdentity ?? '',
    acquiredMs: parseTime(spec?.acquireTime) ?? 0,
    renewedMs: parseTime(spec?.renewTime) ?? 0,
    durationMs: (spec?.leaseDurationSeconds ?? 0) * 1000,
  };
}

function bigintText(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString(16) : value;
}
