import type { KindDeclaration } from '../../api/kind.js';
import { apiServiceKind } from '../../api/apiregistration/api-service.js';
import { flowSchemaKind, priorityLevelKind } from '../../api/flowcontrol/kinds.js';
import { leaseKind } from '../../api/coordination/lease.js';
import { builtInRegistry } from '../../api/kinds.js';
import type { KindRegistry } from '../../api/registry.js';
import { delay } from '../../lib/clock.js';
import { systemRandom } from '../../lib/random.js';
import { rbacEscalation } from './admission/rbac-escalation.js';
import { AdmissionChain } from './admission/chain.js';
import { admissionPlugins } from './admission/plugins.js';
import { TypeCheckStatus } from './admission/policy/type-check-status.js';
import { conversionCall } from './admission/webhook/conversion.js';
import type { RemoteCallDeps } from './aggregator/index.js';
import { AggregationController, checkRemote, RemoteApis } from './aggregator/index.js';
import { Authenticator } from './authn/authenticator.js';
import { BootstrapTokens } from './authn/bootstrap-tokens.js';
import { ServiceAccountTokens } from './authn/service-account-tokens.js';
import type { Authorizer } from './authz/attributes.js';
import { createAttributes } from './authz/attributes.js';
import {
  alwaysAllow,
  alwaysDeny,
  chain,
  mustBeAllowed,
  superuserAuthorizer,
} from './authz/authorizers.js';
import type { Authorization } from './authz/authorizers.js';
import { NodeAuthorizer } from './authz/node-authorizer.js';
import { RbacAuthorizer } from './authz/rbac.js';
import { reviewAnswers } from './reviews/reviews.js';
import type { BootstrapDeps } from './bootstrap/bootstrap.js';
import { bootstrapCluster } from './bootstrap/bootstrap.js';
import { WatchCache } from './cache/watch-cache.js';
import { DefinitionController } from './crd/controller.js';
import { FlowControl, FlowKeeper } from './flowcontrol/index.js';
import { maxMutatingInFlight, maxRequestsInFlight } from './limits.js';
import { ServerMetrics } from './metrics.js';
import { PartMetrics } from './part-metrics.js';
import type { ApiCoreOptions } from './options.js';
import { Deleter } from './registry/deleter.js';
import { Lister } from './registry/lister.js';
import { Objects } from './registry/objects.js';
import { componentStatusReader } from './registry/component-status.js';
import type { VirtualReader } from './registry/types.js';
import { Writer } from './registry/writer.js';
import type { AddressRange } from './services/address-range.js';
import { parseRange } from './services/address-range.js';
import { ServiceAllocator } from './services/allocator.js';
import { DefaultServiceCidr } from './services/default-cidr.js';
import { encryptedValues, plainValues } from './storage/encryption.js';
import { EtcdStore } from './storage/etcd-store.js';
import { storageId } from './storage/keys.js';
import { measuredStore } from './storage/measured-store.js';
import type { Store } from './storage/store.js';
import { podDialer } from './subresources/agent-socket.js';
import { NodeAgents } from './subresources/node-agents.js';
import { ResourceMetrics } from './subresources/resource-metrics.js';
import { AuditLog, Gate, Slots, Verbs, Watches } from './verbs/index.js';

/**
 * The API server without its doors: store, watch cache, admission and the verbs. `server.ts` opens HTTP and gRPC on it;
 * the simulation calls it in its own process.
 */
export class ApiCore {
  readonly #options: ApiCoreOptions;
  readonly #watches: Watches;
  readonly #slots: Slots;
  /** Undefined when nothing is audited. */
  readonly audit: AuditLog | undefined;
  readonly #definitions: DefinitionController;
  readonly #typeChecks: TypeCheckStatus;
  readonly store: Store;
  readonly watchCache: WatchCache;
  readonly objects: Objects;
  readonly flow: FlowControl;
  readonly #flowKeeper: FlowKeeper;
  readonly kinds: KindRegistry;
  readonly range: AddressRange;
  /** The ServiceCIDR of that range. */
  readonly serviceCidr: DefaultServiceCidr;
  readonly agents: NodeAgents;
  readonly tokens: ServiceAccountTokens;
  readonly authorization: Authorization;
  readonly metrics: ServerMetrics;
  readonly partMetrics = new PartMetrics();
  readonly verbs: Verbs;
  /** The servers of APIServices, and the way to them. */
  readonly remotes: RemoteApis;
  readonly remoteCalls: RemoteCallDeps;
  readonly #aggregation: AggregationController;
  /** The dependencies by which the server writes its own objects. */
  readonly deps: BootstrapDeps;

  constructor(options: ApiCoreOptions) {
    const { log, clock, random = systemRandom } = options;
    this.#options = options;
    const { partMetrics } = this;
    this.store = measuredStore(openStore(options), clock, (call) => partMetrics.onStoreCall(call));
    const values =
      options.encryptionKeys === undefined
        ? plainValues
        : encryptedValues({
            keys: options.encryptionKeys,
            prefixes: ['/registry/secrets/'],
          });
    this.watchCache = new WatchCache({ store: this.store, log, clock, values });
    const { store, watchCache } = this;
    this.agents = new NodeAgents({ watchCache, tls: options.kubelet, log, clock });
    const convert = conversionCall({ watchCache, dialPod: podDialer(this.agents), clock });
    this.objects = new Objects({ store, watchCache, log, clock, random, values, convert });
    this.flow = new FlowControl({
      clock,
      serverSeats: maxRequestsInFlight + maxMutatingInFlight,
      schemas: this.objects.cache(flowSchemaKind),
      levels: this.objects.cache(priorityLevelKind),
      onDispatched: (request) => partMetrics.onDispatched(request),
    });
    this.#slots = new Slots(clock, this.flow);
    this.range = parseRange(options.serviceClusterIpRange);
    this.objects.setWriteHook(
      'services',
      new ServiceAllocator({
        watchCache,
        ports: options.nodePortRange,
        random,
        now: () => this.objects.now(),
      }),
    );
    this.kinds = builtInRegistry();
    for (const kind of this.kinds.list()) registerFields(watchCache, kind);
    this.#watches = new Watches(this.objects, (kind, count) =>
      partMetrics.onWatchEvents(kind, count),
    );
    this.audit =
      options.auditLogPath === undefined ? undefined : new AuditLog(options.auditLogPath, clock);
    this.tokens = new ServiceAccountTokens({ ...options.serviceAccount, watchCache, clock });
    const rbac = new RbacAuthorizer(watchCache);
    this.authorization = this.#authorization(rbac);
    const admission = this.#admission(rbac);
    const writer = this.#writer(admission);
    this.metrics = new ServerMetrics({
      inFlight: () => this.#slots.inFlight,
      flow: () => this.flow.counts,
      watches: () => this.#watches.count,
      objects: () => [...watchCache.caches()].map((cache) => ({ id: cache.id, count: cache.size })),
    });
    this.verbs = this.#verbs({ rbac, admission, writer });
    this.deps = { kinds: this.kinds, objects: this.objects, writer };
    this.serviceCidr = new DefaultServiceCidr(this.deps, this.range);
    this.#flowKeeper = new FlowKeeper(this.deps, clock);
    this.remotes = new RemoteApis(this.objects.cache(apiServiceKind));
    const dialPod = podDialer(this.agents);
    this.remoteCalls = { watchCache, dialPod, frontProxy: options.frontProxy };
    this.#aggregation = new AggregationController({
      ...this.deps,
      remotes: this.remotes,
      clock,
      check: (api) => checkRemote({ ...this.remoteCalls, clock }, api),
    });
    this.#typeChecks = new TypeCheckStatus({
      objects: this.objects,
      kinds: this.kinds,
      turns: options.rules,
    });
    this.#definitions = new DefinitionController({
      objects: this.objects,
      kinds: this.kinds,
      onKind: (kind) => registerFields(watchCache, kind),
    });
  }

  #admission(rbac: RbacAuthorizer): AdmissionChain {
    const { objects, authorization } = this;
    const plugins = admissionPlugins({
      objects,
      disabled: this.#options.disabledAdmission,
      podSecurity: this.#options.podSecurity,
      dialPod: podDialer(this.agents),
      authorization,
      kinds: this.kinds,
      turns: this.#options.rules,
    });
    if (this.#options.authorizationModes.includes('RBAC')) {
      plugins.push(rbacEscalation(rbac, authorization));
    }
    const { clock } = this.#options;
    return new AdmissionChain(plugins, {
      monotonicMs: () => clock.monotonicMs(),
      onStep: (step) => this.partMetrics.onAdmission(step),
    });
  }

  #writer(admission: AdmissionChain): Writer {
    const { objects, authorization } = this;
    return new Writer({
      objects,
      admission,
      rules: this.#options.rules,
      mayCreate: (context) => mustBeAllowed(authorization, createAttributes(context)),
    });
  }

  #verbs(parts: {
    readonly rbac: RbacAuthorizer;
    readonly admission: AdmissionChain;
    readonly writer: Writer;
  }): Verbs {
    const { rbac, admission, writer } = parts;
    const { clock } = this.#options;
    const { kinds, objects, tokens, authorization, metrics } = this;
    const authenticator = new Authenticator({
      tokens: [tokens, new BootstrapTokens(this.watchCache, clock)],
      allowAnonymous: this.#options.anonymousAuth,
      clock,
      onCertificate: ({ endsMs }) => {
        if (endsMs !== undefined) metrics.onCertificate(endsMs - clock.nowMs());
      },
    });
    return new Verbs({
      gate: new Gate({
        kinds,
        authenticator,
        authorization,
        flow: this.flow,
        audit: this.audit,
        clock,
        onFinish: (request) => metrics.onRequest(request),
      }),
      slots: this.#slots,
      flow: this.flow,
      watches: this.#watches,
      kinds,
      objects,
      lister: new Lister(objects),
      writer,
      deleter: new Deleter({ objects, admission }),
      evicter: new Deleter({ objects, admission: new AdmissionChain([]) }),
      tokens,
      authorization,
      admission,
      virtual: reviewAnswers({ authorization, rbac, authenticator, tokens }),
      readers: this.#readers(),
    });
  }

  /** The kinds that are made at each read. */
  #readers(): ReadonlyMap<string, VirtualReader> {
    const { watchCache, agents, objects } = this;
    const { clock, log } = this.#options;
    const used = new ResourceMetrics({ watchCache, agents, clock, log });
    return new Map([
      ['/ComponentStatus', componentStatusReader(objects, leaseKind)],
      ['metrics.k8s.io/NodeMetrics', used.nodes],
      ['metrics.k8s.io/PodMetrics', used.pods],
    ]);
  }

  #authorization(rbac: RbacAuthorizer): Authorization {
    const authorizers: Authorizer[] = [superuserAuthorizer];
    for (const mode of this.#options.authorizationModes) {
      switch (mode) {
        case 'Node':
          authorizers.push(new NodeAuthorizer(this.watchCache));
          break;
        case 'RBAC':
          authorizers.push(rbac);
          break;
        case 'AlwaysAllow':
          authorizers.push(alwaysAllow);
          break;
        case 'AlwaysDeny':
          authorizers.push(alwaysDeny);
          break;
      }
    }
    return chain(authorizers);
  }

  /**
   * Resolves when the cache holds the store's objects and the first ones are made. A store that is not there yet is
   * waited for.
   */
  async start(): Promise<void> {
    await this.watchCache.start();
    await this.#bootstrap();
    this.#definitions.start();
    this.#typeChecks.start();
    this.flow.start();
    this.#flowKeeper.start();
    this.remotes.start();
    this.#aggregation.start();
  }

  async #bootstrap(): Promise<void> {
    const { clock, log } = this.#options;
    for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 2_000)) {
      try {
        await bootstrapCluster(this.deps);
        break;
      } catch (error) {
        log.warn({ error }, 'the first objects could not be made; trying again');
        await delay(clock, waitMs);
      }
    }
    // Whoever keeps the Service kubernetes tries again: nothing but addresses of services needs it.
    await this.serviceCidr.sync().catch((error: unknown) => {
      log.warn({ error }, 'the default ServiceCIDR could not be made');
    });
  }

  /**
   * Ends what goes on by itself: kinds are made no more, and watches end with a bookmark. The doors close afterwards.
   */
  endWatches(): void {
    this.#watches.stop();
  }

  /** Kinds follow their definitions no longer, nor APIServices the kinds. */
  endDefinitions(): void {
    this.#definitions.stop();
    this.#typeChecks.stop();
    this.#aggregation.stop();
    this.remotes.stop();
    this.#flowKeeper.stop();
  }

  /** Lets the store go; no request is under way any more. */
  async close(): Promise<void> {
    this.agents.close();
    this.#slots.close();
    this.flow.close();
    this.watchCache.stop();
    this.store.close();
    await this.audit?.close();
  }
}

function openStore(options: ApiCoreOptions): Store {
  if ('store' in options.etcd) return options.etcd.store;
  return new EtcdStore({
    endpoints: options.etcd.servers,
    tls: options.etcd.tls,
    log: options.log,
    clock: options.clock,
  });
}

/** Tells the cache of a kind's storage which fields can be selected. */
export function registerFields(watchCache: WatchCache, kind: KindDeclaration): void {
  if (kind.virtual) return;
  const cache = watchCache.cache(storageId(kind.storage));
  cache.getters = { ...cache.getters, ...kind.fields };
}
