/**
 * The node in the API: registers it, keeps its Lease alive, and reports its status when that changes, or when
 * somebody else has changed what it had written. A Node object that was deleted is made again.
 */
import type { NetproxyState } from '../../api/facts/node-network.js';
import {
  netproxyAnnotation,
  readNetproxyState,
  writeNetproxyState,
} from '../../api/facts/node-network.js';
import { resources } from '../../client/resources.js';
import type { KubeObject } from '../../api/object.js';
import type { Node, NodeStatus } from '../../api/types/core.js';
import type { Lease } from '../../api/types/policy.js';
import { formatMicroTime } from '../../api/facts/time.js';
import type { ApiClient } from '../../client/types.js';
import { isApiError } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { ContainerRuntime } from '../../runtime/types.js';
import type { EventRecorder } from '../../client/events/recorder.js';
import type { DeviceFigures } from '../devices/inventory.js';
import type { NodeDescription, NodeHealth } from './node-object.js';
import { heartbeatEveryMs, newNode, nodeLabels, nodeStatus, nodeSubject } from './node-object.js';

/** The dependencies of {@link NodeAgent}. */
export interface NodeAgentOptions {
  readonly client: ApiClient;
  readonly runtime: ContainerRuntime;
  readonly description: NodeDescription;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: EventRecorder;
  readonly health: () => Promise<NodeHealth>;
  /** What device plugins bring. @default nothing */
  readonly devices?: () => DeviceFigures;
  /** How the netproxy of the node is, which an annotation tells. @default none does */
  readonly netproxy?: () => Promise<NetproxyState>;
  /** Between two renewals of the Lease. @default 10,000, kubelet's */
  readonly leaseRenewMs?: number;
  /** The Lease's `leaseDurationSeconds`. @default 40 */
  readonly leaseSeconds?: number;
}

const leaseNamespace = 'kube-node-lease';
/** The interval between looks at the status; a change is written at once. */
export const statusEveryMs = 10_000;
const callMs = 5000;
/** What could not be written is tried again after so long, if its turn does not come sooner. */
const retryMs = 1000;
/** A netproxy that starts is asked so often, and for so long at most, so that the node soon says that it is up. */
const netproxyAskMs = 250;
const netproxyAsksMax = 240;

/** Registers the Node, and keeps its status and its Lease up to date. */
export class NodeAgent {
  readonly #options: NodeAgentOptions;
  #cancels: (() => void)[] = [];
  #stopped = false;
  /** The status that was written last, and what the API made of it. */
  #wanted = '';
  #written = '';
  #lastWriteMs = Number.NEGATIVE_INFINITY;
  #uid = '';
  #writing: Promise<void> = Promise.resolve();
  #seen: Node | undefined;
  #cancelFollowing: (() => void) | undefined;

  constructor(options: NodeAgentOptions) {
    this.#options = options;
  }

  /** Resolves when the node is registered and its first status and Lease are written. */
  async register(): Promise<void> {
    const { description, events } = this.#options;
    await this.reportStatus();
    await this.#renewLease();
    events.normal(nodeSubject(description.name), 'Starting', 'Starting kubelet.');
    this.#every(this.#options.leaseRenewMs ?? 10_000, () => this.#renewLease());
    this.#every(statusEveryMs, () => this.reportStatus());
    const told = this.#seen?.metadata.annotations?.[netproxyAnnotation];
    this.#followNetproxy(readNetproxyState(told)?.state, netproxyAsksMax);
  }

  /** Ends the reports. As with a kubelet, the node stays Ready until its Lease runs out: its pods go on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const cancel of this.#cancels) cancel();
    this.#cancelFollowing?.();
    await this.#writing.catch(() => undefined);
  }

  /** The object as it was last read or written: seconds old at most. Undefined before that. */
  get seen(): Node | undefined {
    return this.#seen;
  }

  /** The object as it is now. */
  async fetch(): Promise<Node> {
    const { client, description } = this.#options;
    const key = { name: description.name };
    this.#seen = await client.get<Node>(resources.nodes, key, { deadlineMs: callMs });
    return this.#seen;
  }

  /** Writes the status if it has changed, here or there. One write at a time. */
  reportStatus(): Promise<void> {
    const next = this.#writing
      .catch(() => undefined)
      .then(async () => this.#write(await this.#options.health()));
    this.#writing = next;
    return next;
  }

  async #write(health: NodeHealth): Promise<void> {
    const { runtime, client, description, clock } = this.#options;
    const images = await runtime.listImages();
    const current = await this.#get();
    this.#seen = current;
    const status = nodeStatus({
      description,
      health,
      images,
      devices: this.#options.devices?.() ?? { capacity: {}, allocatable: {} },
      before: current.status,
      nowMs: clock.nowMs(),
    });
    // Written once more when it no longer starts: that it is Ready is then said by this agent.
    const wanted = `${health.isStarting === true}${withoutHeartbeats(status, status)}`;
    const due = clock.monotonicMs() - this.#lastWriteMs >= heartbeatEveryMs;
    const isWritten =
      wanted === this.#wanted && withoutHeartbeats(current.status, status) === this.#written;
    if (isWritten && current.metadata.uid === this.#uid && !due) return;
    const patched = await client.patch<Node>(
      resources.nodes,
      { name: description.name },
      'application/strategic-merge-patch+json',
      { status },
      { subresource: 'status', deadlineMs: callMs },
    );
    this.#seen = patched;
    this.#wanted = wanted;
    this.#written = withoutHeartbeats(patched.status, status);
    this.#lastWriteMs = clock.monotonicMs();
    this.#uid = current.metadata.uid ?? '';
  }

  /** The object; makes it where it is missing, and sets the labels and annotations that are ours. */
  async #get(): Promise<Node> {
    const { client, description, log } = this.#options;
    const key = { name: description.name };
    let node: Node;
    try {
      node = await client.get<Node>(resources.nodes, key, { deadlineMs: callMs });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      log.info({ node: description.name }, 'the node is registered');
      return client.create<Node>(resources.nodes, newNode(description));
    }
    const labels = nodeLabels(description);
    const annotations = await this.#annotations();
    const differs = (
      own: Readonly<Record<string, string>>,
      there: Readonly<Record<string, string>> = {},
    ): boolean => Object.entries(own).some(([name, value]) => there[name] !== value);
    const { metadata } = node;
    if (!differs(labels, metadata.labels) && !differs(annotations, metadata.annotations)) {
      return node;
    }
    const patch = { metadata: { labels, annotations } };
    return client.patch<Node>(resources.nodes, key, 'application/merge-patch+json', patch);
  }

  /** What the node says of itself besides its status. */
  async #annotations(): Promise<Readonly<Record<string, string>>> {
    const { netproxy } = this.#options;
    if (netproxy === undefined) return {};
    return { [netproxyAnnotation]: writeNetproxyState(await netproxy()) };
  }

  /** Asks a netproxy that is starting until it is up, and reports that without waiting for the next turn. */
  #followNetproxy(last: NetproxyState['state'] | undefined, asksLeft: number): void {
    const { netproxy, clock } = this.#options;
    if (netproxy === undefined || last !== 'starting' || asksLeft === 0 || this.#stopped) return;
    const ask = async (): Promise<NetproxyState['state']> => {
      const { state } = await netproxy();
      if (state !== 'starting' && !this.#stopped) await this.reportStatus();
      return state;
    };
    this.#cancelFollowing = clock.schedule(netproxyAskMs, () => {
      ask().then(
        (state) => this.#followNetproxy(state, asksLeft - 1),
        () => this.#followNetproxy(last, asksLeft - 1),
      );
    });
  }

  async #renewLease(): Promise<void> {
    const { client, description, clock } = this.#options;
    const { name } = description;
    const key = { namespace: leaseNamespace, name };
    const renewTime = formatMicroTime(clock.nowMs());
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: this.#options.leaseSeconds ?? 40,
      renewTime,
    };
    const call = { deadlineMs: callMs };
    try {
      await client.patch(resources.leases, key, 'application/merge-patch+json', { spec }, call);
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      const lease = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { ...key, ...this.#ownedByNode() },
        spec,
      };
      await client.create<Lease>(resources.leases, lease, call);
    }
  }

  #ownedByNode(): Partial<KubeObject['metadata']> {
    const { name } = this.#options.description;
    if (this.#uid === '') return {};
    return { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid: this.#uid }] };
  }

  #every(periodMs: number, work: () => Promise<void>): void {
    const slot = this.#cancels.length;
    const next = (afterMs: number): void => {
      if (this.#stopped) return;
      this.#cancels[slot] = this.#options.clock.schedule(afterMs, () => {
        work().then(
          () => next(periodMs),
          (error: unknown) => {
            this.#options.log.warn({ error }, 'the node could not be reported; tried again');
            next(Math.min(periodMs, retryMs));
          },
        );
      });
    };
    next(periodMs);
  }
}

/** The fields of a status that the node's own has, without times: a text to compare. */
function withoutHeartbeats(status: NodeStatus | undefined, own: NodeStatus): string {
  const fields = { ...status };
  const types = new Set(own.conditions?.map(({ type }) => type));
  const conditions = fields.conditions
    ?.filter(({ type }) => types.has(type))
    .map(({ type, status: is, reason, message }) => [type, is, reason, message]);
  const names = Object.keys(own).filter((name) => name !== 'conditions');
  const others = Object.entries(fields).filter(([name]) => names.includes(name));
  return JSON.stringify([conditions, others.toSorted(([a], [b]) => (a < b ? -1 : 1))]);
}
