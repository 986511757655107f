import type { KindDeclaration } from '../../api/kind.js';
import { builtInRegistry } from '../../api/kinds.js';
import type { KindRegistry } from '../../api/registry.js';
import { createGrpcServer } from '../../lib/grpc/index.js';
import type { GrpcServer, GrpcServerOptions, ServerTls } from '../../lib/grpc/index.js';
import { AgentDefinition } from '../../gen/agent.js';
import { ResourcesDefinition } from '../../gen/apiserver.js';
import { delay } from '../../lib/clock.js';
import { AdmissionChain } from './admission/chain.js';
import { admissionPlugins } from './admission/plugins.js';
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
import { reviewAnswers } from './authz/reviews.js';
import { bootstrapCluster } from './bootstrap/bootstrap.js';
import { Mirror } from './cache/mirror.js';
import { DefinitionController } from './crd/controller.js';
import { DiscoveryHandler } from './discovery/discovery-handler.js';
import { agentHandlers } from './grpc/agent-service.js';
import type { ApiCore } from './grpc/core.js';
import { ResourceService } from './grpc/resource-service.js';
import { HealthHandler } from './health.js';
import { maxRequestBytes } from './limits.js';
import { ServerMetrics } from './metrics.js';
import { openApiPaths } from './openapi/handler.js';
import type { ApiServerOptions, RunningApiServer } from './options.js';
import { Deleter } from './registry/deleter.js';
import { createFieldTracker } from './registry/field-tracker.js';
import { Lister } from './registry/lister.js';
import { Objects } from './registry/objects.js';
import { Writer } from './registry/writer.js';
import { AuditLog } from './rest/audit.js';
import { Pipeline } from './rest/pipeline.js';
import { ResourceHandler } from './rest/resource-handler.js';
import { UpgradeHandler } from './rest/upgrade.js';
import { WatchServer } from './rest/watch-server.js';
import type { AddressRange } from './services/address-range.js';
import { parseRange } from './services/address-range.js';
import { ServiceAllocator } from './services/allocator.js';
import { KubernetesService } from './services/kubernetes-service.js';
import { encryptedValues, plainValues } from './storage/encryption.js';
import { EtcdStore } from './storage/etcd-store.js';
import { storageId } from './storage/keys.js';
import type { Store } from './storage/store.js';
import { rbacEscalation } from './admission/rbac-escalation.js';
import { podDialer } from './subresources/agent-socket.js';
import { NodeAgents } from './subresources/node-agents.js';
import { specialHandlers } from './subresources/special.js';
import { wellKnownPaths } from './discovery/paths.js';

const stopGraceMs = 5_000;

/**
 * Starts an API server and resolves when it answers. A store that is not there yet is waited for.
 * @throws the system's error when a port is taken
 */
export async function startApiServer(options: ApiServerOptions): Promise<RunningApiServer> {
  const server = new ApiServer(options);
  return server.start();
}

/** Wires the parts together; each of them lives in a folder of its own. */
class ApiServer {
  readonly #options: ApiServerOptions;
  readonly #store: Store;
  readonly #mirror: Mirror;
  readonly #objects: Objects;
  readonly #kinds: KindRegistry;
  readonly #range: AddressRange;
  readonly #watches: WatchServer;
  readonly #health: HealthHandler;
  readonly #agents: NodeAgents;
  readonly #audit: AuditLog | undefined;

  constructor(options: ApiServerOptions) {
    const { log, clock } = options;
    this.#options = options;
    this.#store = openStore(options);
    const values =
      options.encryptionKey === undefined
        ? plainValues
        : encryptedValues({
            keys: [{ name: 'key1', secret: options.encryptionKey }],
            prefixes: ['/registry/secrets/'],
          });
    this.#mirror = new Mirror({ store: this.#store, log, clock, values });
    this.#objects = new Objects({ store: this.#store, mirror: this.#mirror, log, clock, values });
    this.#range = parseRange(options.serviceClusterIpRange);
    this.#objects.setCompanion(
      'services',
      new ServiceAllocator({
        mirror: this.#mirror,
        range: this.#range,
        ports: options.nodePortRange,
      }),
    );
    this.#kinds = builtInRegistry();
    for (const kind of this.#kinds.list()) registerFields(this.#mirror, kind);
    this.#watches = new WatchServer(this.#objects);
    this.#health = new HealthHandler(this.#store);
    this.#agents = new NodeAgents({ mirror: this.#mirror, tls: options.kubelet, log, clock });
    this.#audit =
      options.auditLogPath === undefined ? undefined : new AuditLog(options.auditLogPath, clock);
  }

  async start(): Promise<RunningApiServer> {
    const { log } = this.#options;
    const { pipeline, core } = this.#pipeline();
    const upgrades = new UpgradeHandler({
      kinds: this.#kinds,
      objects: this.#objects,
      agents: this.#agents,
      clock: this.#options.clock,
      pipeline,
      log,
    });
    const rest = this.#listener({
      fallback: (request, response) => {
        void pipeline.serve(request, response);
      },
      onUpgrade: (request, socket, head) => {
        void upgrades.serve(request, socket, head);
      },
    });
    const grpc = this.#listener({});
    const resources = new ResourceService(core);
    grpc.addService(ResourcesDefinition, resources.handlers());
    grpc.addService(AgentDefinition, agentHandlers(core, this.#agents));
    this.#options.extendGrpc?.(grpc, core);
    await this.#mirror.start();
    await this.#bootstrap(core);
    const definitions = new DefinitionController({
      objects: this.#objects,
      kinds: this.#kinds,
      onKind: (kind) => registerFields(this.#mirror, kind),
    });
    definitions.start();
    const host = this.#options.bindAddress;
    const { port: restPort } = await rest.listen({ host, port: this.#options.securePort });
    const { port: grpcPort } = await grpc.listen({ host, port: this.#options.grpcPort });
    const service = new KubernetesService({
      deps: core,
      range: this.#range,
      address: this.#options.advertiseAddress,
      port: restPort,
    });
    await service.start();
    this.#health.setReady();
    log.info({ restPort, grpcPort }, 'the API server is ready');
    return {
      restPort,
      grpcPort,
      stop: async () => {
        definitions.stop();
        await service.stop();
        await this.#stop(rest, grpc, resources);
      },
    };
  }

  #pipeline(): { pipeline: Pipeline; core: ApiCore } {
    const { clock, log } = this.#options;
    const objects = this.#objects;
    const rbac = new RbacAuthorizer(this.#mirror);
    const authorization = this.#authorization(rbac);
    const plugins = admissionPlugins({
      objects,
      disabled: this.#options.disabledAdmission,
      podSecurity: this.#options.podSecurity,
      dialPod: podDialer(this.#agents),
    });
    if (this.#options.authorizationModes.includes('RBAC')) {
      plugins.push(rbacEscalation(rbac, authorization));
    }
    const admission = new AdmissionChain(plugins);
    const writer = new Writer({
      objects,
      admission,
      fields: createFieldTracker(() => objects.now()),
      mayCreate: (context) => mustBeAllowed(authorization, createAttributes(context)),
    });
    const deleter = new Deleter({ objects, admission });
    const lister = new Lister(objects);
    const mirror = this.#mirror;
    const { issuer, audiences, signingKey, publicKeys } = this.#options.serviceAccount;
    const tokens = new ServiceAccountTokens({
      issuer,
      audiences,
      signingKey,
      publicKeys,
      mirror,
      clock,
    });
    const authenticator = new Authenticator({
      tokens: [tokens, new BootstrapTokens(mirror, clock)],
      allowAnonymous: this.#options.anonymousAuth,
    });
    const kinds = this.#kinds;
    const special = specialHandlers({
      objects,
      writer,
      deleter,
      kinds,
      tokens,
      agents: this.#agents,
    });
    const virtual = reviewAnswers({ authorization, rbac, authenticator, tokens });
    const resources = new ResourceHandler({
      kinds,
      objects,
      lister,
      writer,
      deleter,
      watches: this.#watches,
      special,
      virtual,
    });
    const metrics = new ServerMetrics({
      inFlight: () => pipeline.inFlight,
      watches: () => this.#watches.count,
      objects: () => [...mirror.caches()].map((cache) => ({ id: cache.id, count: cache.size })),
    });
    const core: ApiCore = {
      kinds,
      objects,
      lister,
      writer,
      deleter,
      virtual,
      authenticator,
      authorization,
      tokens,
    };
    const pipeline: Pipeline = new Pipeline({
      authenticator,
      authorization,
      discovery: new DiscoveryHandler(
        kinds,
        `${this.#options.advertiseAddress}:${this.#options.securePort}`,
      ),
      resources,
      paths: [
        (exchange) => this.#health.handle(exchange),
        wellKnownPaths({ kinds, metrics, tokens }),
        openApiPaths(kinds),
      ],
      knowsVersion: (group, version) => kinds.inVersion(group, version).length > 0,
      audit: this.#audit,
      metrics,
      clock,
      log,
    });
    return { pipeline, core };
  }

  #authorization(rbac: RbacAuthorizer): Authorization {
    const authorizers: Authorizer[] = [superuserAuthorizer];
    for (const mode of this.#options.authorizationModes) {
      switch (mode) {
        case 'Node':
          authorizers.push(new NodeAuthorizer(this.#mirror));
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

  #listener(handlers: Pick<GrpcServerOptions, 'fallback' | 'onUpgrade'>): GrpcServer {
    const { serving, clientCa, log, clock } = this.#options;
    const tls: ServerTls = { ...serving, ca: clientCa, requestClientCert: 'optional' };
    return createGrpcServer({
      log,
      clock,
      tls,
      maxReceiveBytes: maxRequestBytes + 64 * 1024,
      ...handlers,
    });
  }

  async #bootstrap(core: ApiCore): Promise<void> {
    const { clock, log } = this.#options;
    for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 2_000)) {
      try {
        await bootstrapCluster(core);
        return;
      } catch (error) {
        log.warn({ error }, 'making the first objects failed; trying again');
        await delay(clock, waitMs);
      }
    }
  }

  async #stop(rest: GrpcServer, grpc: GrpcServer, resources: ResourceService): Promise<void> {
    this.#health.setStopping();
    this.#watches.stop();
    resources.stop();
    await Promise.all([rest.close({ graceMs: stopGraceMs }), grpc.close({ graceMs: stopGraceMs })]);
    this.#agents.close();
    this.#mirror.stop();
    this.#store.close();
    await this.#audit?.close();
  }
}

function openStore(options: ApiServerOptions): Store {
  if ('store' in options.etcd) return options.etcd.store;
  const { servers, ca, cert, key } = options.etcd;
  return new EtcdStore({
    endpoints: servers,
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
    log: options.log,
    clock: options.clock,
  });
}

/** Tells the cache of a kind's storage which fields can be selected. */
export function registerFields(mirror: Mirror, kind: KindDeclaration): void {
  if (kind.virtual) return;
  const cache = mirror.cache(storageId(kind.storage));
  cache.getters = { ...cache.getters, ...kind.fields };
}
