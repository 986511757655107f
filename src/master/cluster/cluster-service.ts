import { objectKey } from '../../api/facts/keys.js';
import { resources } from '../../client/resources.js';
import type { Node } from '../../api/types/core.js';
import type { Lease } from '../../api/types/policy.js';
import type { ApiClient } from '../../client/index.js';
import type {
  ClusterDefinition,
  ClusterStatus,
  ComponentLeader,
  MemberStatus,
  NodeStatus,
} from '../../gen/cluster.js';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { CallContext, Handlers } from '../../lib/grpc/index.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import { errorMessage } from '../../lib/errors.js';
import type { MasterRecord } from './master-registry.js';
import { isMasterLease, masterRecordOf } from './master-registry.js';
import { nodeStatus } from './api-look.js';
import type { Observers } from './observers.js';
import type { StoreAdmin, StoreMember, StoreTelemetry } from './store-admin.js';
import { promoteMember, removeMember, transferLeader } from './membership.js';
import type { TokenUsage } from './stored-token.js';
import { generateToken, storeToken } from './tokens.js';

/** The dependencies of the service that reports on the cluster and makes join tokens. */
export interface ClusterServiceOptions {
  readonly client: ApiClient;
  readonly store: StoreAdmin & StoreTelemetry;
  readonly clock: Clock;
  /** This master's name. */
  readonly name: string;
  /** `sha256:<hex>` of the authority of now: what joining machines pin. */
  readonly caHash: () => Promise<string>;
  /** All of this master's, over HTTP too. */
  readonly observers: Observers;
  /** May the caller do `verb` here? Rejects with PERMISSION_DENIED or UNAUTHENTICATED if not. */
  readonly authorize: (context: CallContext, verb: 'get' | 'create' | 'update') => Promise<void>;
}

/** Between two looks while somebody watches. */
const watchEveryMs = 100;
/** A status is sent this often even when nothing changed. */
const heartbeatMs = 1000;
/** A member that does not answer for so long counts as unreachable. */
const memberDeadlineMs = 800;
/** An old view is waited on for so long. */
const refreshWaitMs = 500;
const defaultTokenTtlSeconds = 24 * 3600;

/** Serves the state of members, components and nodes, and makes join tokens. */
export function createClusterHandlers(
  options: ClusterServiceOptions,
): Handlers<typeof ClusterDefinition> {
  const observer = new Observer(options);
  return {
    async status(_request, context) {
      await options.authorize(context, 'get');
      return observer.look();
    },

    async watch(_request, stream, context) {
      await options.authorize(context, 'get');
      const { clock } = options;
      let sent = '';
      let sentMs = -Infinity;
      while (!context.signal.aborted) {
        const status = await observer.look();
        const essence = essenceOf(status);
        if (essence !== sent || clock.monotonicMs() - sentMs >= heartbeatMs) {
          if (!stream.send(status)) await stream.drained();
          sent = essence;
          sentMs = clock.monotonicMs();
        }
        await delay(clock, watchEveryMs, context.signal);
      }
    },

    async observe(request, stream, context) {
      await options.authorize(context, 'get');
      const { observers } = options;
      const user = context.peerCertificate?.commonName ?? '';
      const refusal = observers.refusal(user);
      if (refusal !== undefined) throw new GrpcError(Code.ResourceExhausted, refusal);
      await observers.run(user, request, stream, context.signal);
    },

    async createToken(request, context) {
      await options.authorize(context, 'create');
      const usages = request.usages.map(readUsage);
      const token = generateToken();
      const ttlSeconds = request.ttlSeconds > 0 ? request.ttlSeconds : defaultTokenTtlSeconds;
      const { client, clock } = options;
      const expires = await storeToken({ client, clock, token, usages, ttlMs: ttlSeconds * 1000 });
      return { token: `${token.id}.${token.secret}`, caHash: await options.caHash(), expires };
    },

    async transferLeader({ to }, context) {
      await options.authorize(context, 'update');
      return transferLeader(options.store, to);
    },

    async removeMember({ name }, context) {
      await options.authorize(context, 'update');
      return removeMember(options.store, name);
    },

    async promoteMember({ name }, context) {
      await options.authorize(context, 'update');
      return promoteMember(options.store, name);
    },
  };
}

function readUsage(text: string): TokenUsage {
  if (text === 'worker' || text === 'master') return text;
  throw new GrpcError(Code.InvalidArgument, `a token is for "worker" or "master", not "${text}"`);
}

/** The part of a status whose change is sent to watchers at once: not the indexes, which grow all the time. */
function essenceOf(status: ClusterStatus): string {
  const members = status.members.map((member) =>
    [member.name, member.id, member.reachable, member.leader, member.learner, member.term].join(),
  );
  const leaders = status.leaders.map((leader) => `${leader.component}=${leader.holder}`);
  const nodes = status.nodes.map((node) => `${node.name}=${node.ready}`);
  return [...members, ...leaders, ...nodes].join(';');
}

const components = ['kube-scheduler', 'kube-controller-manager'] as const;

/**
 * Looks at the cluster, once for all who ask at the same time. The store's members are asked directly, so an election
 * shows while the API itself waits for a leader; what the API knows is as old as its last answer.
 */
class Observer {
  readonly #options: ClusterServiceOptions;
  #looking: Promise<ClusterStatus> | undefined;
  #members: readonly StoreMember[] = [];
  #apiView: { leaders: ComponentLeader[]; nodes: NodeStatus[] } = { leaders: [], nodes: [] };
  #masters: ReadonlyMap<string, MasterRecord> = new Map();
  #refreshing = false;
  #refreshedMs = -Infinity;

  constructor(options: ClusterServiceOptions) {
    this.#options = options;
  }

  look(): Promise<ClusterStatus> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<ClusterStatus> {
    const { clock, name } = this.#options;
    const ageMs = clock.monotonicMs() - this.#refreshedMs;
    const refreshed = this.#refresh();
    // A watcher gets the last view at once; a caller after a pause waits for a new one, as long as the API answers.
    if (ageMs === Infinity) await refreshed;
    else if (ageMs > 2 * heartbeatMs) await Promise.race([refreshed, delay(clock, refreshWaitMs)]);
    const members = await Promise.all(this.#members.map((member) => this.#ask(member)));
    return {
      members,
      ...this.#apiView,
      time: new Date(clock.nowMs()).toISOString(),
      answeredBy: name,
    };
  }

  /** Reads what changes rarely, in the background. */
  async #refresh(): Promise<void> {
    const { client, clock, store } = this.#options;
    if (this.#refreshing || clock.monotonicMs() - this.#refreshedMs < heartbeatMs) return;
    this.#refreshing = true;
    try {
      this.#members = (await store.memberList()).toSorted(byName);
      const call = { deadlineMs: 2000 };
      const [nodes, held] = await Promise.all([
        client.list<Node>(resources.nodes, call),
        client.list<Lease>(resources.leases, { ...call, namespace: 'kube-system' }),
      ]);
      const records = held.items.filter(isMasterLease).map(masterRecordOf);
      this.#masters = new Map(records.map((record) => [record.name, record]));
      this.#apiView = {
        nodes: nodes.items.map(nodeStatus),
        leaders: components.map((component) => componentLeader(component, held.items)),
      };
    } catch {
      // The last view stays: the members' own answers tell what is wrong.
    } finally {
      this.#refreshing = false;
      this.#refreshedMs = clock.monotonicMs();
    }
  }

  async #ask(member: StoreMember): Promise<MemberStatus> {
    const clientUrl = member.clientUrls[0] ?? '';
    const record = this.#masters.get(member.name);
    const base = {
      name: member.name,
      id: member.id,
      clientUrl,
      learner: member.learner,
      build: record?.build ?? '',
      certificatesEnd: record?.certificatesEnd ?? '',
    };
    try {
      const status = await this.#options.store.status(clientUrl, memberDeadlineMs);
      return {
        ...base,
        reachable: true,
        leader: status.leader === member.id,
        term: status.term,
        raftIndex: status.raftIndex,
        appliedIndex: status.appliedIndex,
        revision: status.revision,
        dbSizeBytes: status.dbSizeBytes,
        version: status.version,
        error: status.errors.join('; '),
      };
    } catch (error) {
      return {
        ...base,
        reachable: false,
        leader: false,
        term: 0,
        raftIndex: 0,
        appliedIndex: 0,
        revision: 0,
        dbSizeBytes: 0,
        version: '',
        error: errorMessage(error),
      };
    }
  }
}

/** Those that have no name yet, as they are joining, come last. */
function byName(a: StoreMember, b: StoreMember): number {
  if (a.name === '' || b.name === '') return Number(a.name === '') - Number(b.name === '');
  return a.name < b.name ? -1 : 1;
}

function componentLeader(component: string, held: readonly Lease[]): ComponentLeader {
  const wanted = objectKey({ namespace: 'kube-system', name: component });
  const lease = held.find((candidate) => objectKey(candidate.metadata) === wanted);
  return {
    component,
    holder: lease?.spec?.holderIdentity ?? '',
    renewTime: lease?.spec?.renewTime ?? '',
  };
}
