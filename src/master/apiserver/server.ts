import type { KindDeclaration } from '../../api/kind.js';
import { builtInRegistry } from '../../api/kinds.js';
import type { KindRegistry } from '../../api/registry.js';
import { createGrpcServer } from '../../lib/grpc/index.js';
import type { GrpcServer, GrpcServerOptions, ServerTls } from '../../lib/grpc/index.js';
import { AgentDefinition } from '../../gen/agent.js';
import { ResourcesDefinition } from '../../gen/apiserver.js';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
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
import type { BootstrapDeps } from './bootstrap/bootstrap.js';
import { bootstrapCluster } from './bootstrap/bootstrap.js';
import { Mirror } from './cache/mirror.js';
import { DefinitionController } from './crd/controller.js';
import { DiscoveryHandler } from './discovery/discovery-handler.js';
import { agentHandlers } from './grpc/agent-service.js';
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
import { BodyReader } from './rest/body-reader.js';
import { serveLog } from './rest/log.js';
import { Pipeline } from './rest/pipeline.js';
import { serveProxy } from './rest/proxy.js';
import type { ConnectHandler } from './rest/resource-handler.js';
import { ResourceHandler } from './rest/resource-handler.js';
import { UpgradeHandler } from './rest/upgrade.js';
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
import { Connector } from './subresources/connector.js';
import { NodeAgents } from './subresources/node-agents.js';
import { wellKnownPaths } from './discovery/paths.js';
import { AuditLog, Gate, Slots, Verbs, Watches } from './verbs/index.js';

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
  readonly #watches: Watches;
  readonly #slots: Slots;
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
    this.#slots = new Slots(clock);
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
    this.#watches = new Watches(this.#objects);
    this.#health = new HealthHandler(this.#store);
    this.#agents = new NodeAgents({ mirror: this.#mirror, tls: options.kubelet, log, clock });
    this.#audit =
      options.auditLogPath === undefined ? undefined : new AuditLog(options.auditLogPath, clock);
  }

  async start(): Promise<RunningApiServer> {
    const { log, clock } = this.#options;
    const { pipeline, verbs, connector, writer, authorization } = this.#parts();
    const upgrades = new UpgradeHandler({ verbs, connector, clock, log });
    const rest = this.#listener({
      fallback: (request, response) => {
        void pipeline.serve(request, response);
      },
      onUpgrade: (request, socket, head) => {
        void upgrades.serve(request, socket, head);
      },
    });
    const grpc = this.#listener({});
    const resources = new ResourceService({ verbs, now: () => this.#objects.now() });
    grpc.addService(ResourcesDefinition, resources.handlers());
    grpc.addService(AgentDefinition, agentHandlers(verbs, connector));
    this.#options.extendGrpc?.(grpc, authorization);
    await this.#mirror.start();
    const deps = { kinds: this.#kinds, objects: this.#objects, writer };
    await this.#bootstrap(deps);
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
      deps,
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
        await this.#stop(rest, grpc);
      },
    };
  }

  /** The verbs, and the HTTP door with all that it serves besides them. */
  #parts(): {
    pipeline: Pipeline;
    verbs: Verbs;
    connector: Connector;
    writer: Writer;
    authorization: Authorization;
  } {
    const { clock, log } = this.#options;
    const objects = this.#objects;
    const kinds = this.#kinds;
    const mirror = this.#mirror;
    const rbac = new RbacAuthorizer(mirror);
    const authorization = this.#authorization(rbac);
    const plugins = admissionPlugins({
      objects,
      disabled: this.#options.disabledAdmission,
      podSecurity: this.#options.podSecurity,
      dialPod: podDialer(this.#agents),
      authorization,
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
    const tokens = new ServiceAccountTokens({ ...this.#options.serviceAccount, mirror, clock });
    const authenticator = new Authenticator({
      tokens: [tokens, new BootstrapTokens(mirror, clock)],
      allowAnonymous: this.#options.anonymousAuth,
      clock,
    });
    const slots = this.#slots;
    const metrics = new ServerMetrics({
      inFlight: () => slots.inFlight,
      watches: () => this.#watches.count,
      objects: () => [...mirror.caches()].map((cache) => ({ id: cache.id, count: cache.size })),
    });
    const verbs = new Verbs({
      gate: new Gate({
        kinds,
        authenticator,
        authorization,
        audit: this.#audit,
        clock,
        onFinish: (request) => metrics.onRequest(request),
      }),
      slots,
      watches: this.#watches,
      kinds,
      objects,
      lister: new Lister(objects),
      writer,
      deleter: new Deleter({ objects, admission }),
      tokens,
      authorization,
      admission,
      virtual: reviewAnswers({ authorization, rbac, authenticator, tokens }),
    });
    const connector = new Connector({ objects, agents: this.#agents, kinds });
    const pipeline = this.#pipeline({ verbs, connector, metrics, tokens, clock, log });
    return { pipeline, verbs, connector, writer, authorization };
  }

  #pipeline(parts: {
    readonly verbs: Verbs;
    readonly connector: Connector;
    readonly metrics: ServerMetrics;
    readonly tokens: ServiceAccountTokens;
    readonly clock: Clock;
    readonly log: Logger;
  }): Pipeline {
    const { verbs, connector, metrics, tokens, clock, log } = parts;
    const kinds = this.#kinds;
    const bodies = new BodyReader(clock);
    const resources = new ResourceHandler({
      verbs,
      kinds,
      bodies,
      clock,
      now: () => this.#objects.now(),
      connects: new Map<string, ConnectHandler>([
        ['log', (exchange) => serveLog(exchange, { verbs, connector })],
        ['proxy', (exchange) => serveProxy(exchange, { verbs, connector, bodies })],
      ]),
    });
    return new Pipeline({
      verbs,
      kinds,
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
      log,
    });
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

  async #bootstrap(deps: BootstrapDeps): Promise<void> {
    const { clock, log } = this.#options;
    for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 2_000)) {
      try {
        await bootstrapCluster(deps);
        return;
      } catch (error) {
        log.warn({ error }, 'making the first objects failed; trying again');
        await delay(clock, waitMs);
      }
    }
  }

  async #stop(rest: GrpcServer, grpc: GrpcServer): Promise<void> {
    this.#health.setStopping();
    this.#watches.stop();
    await Promise.all([rest.close({ graceMs: stopGraceMs }), grpc.close({ graceMs: stopGraceMs })]);
    this.#agents.close();
    this.#slots.close();
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
