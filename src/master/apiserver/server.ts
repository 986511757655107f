import { createGrpcServer } from '../../lib/grpc/index.js';
import type { GrpcServer, GrpcServerOptions, ServerTls } from '../../lib/grpc/index.js';
import { derivedTls } from '../../lib/pki/tls-source.js';
import type { TrustedPair } from '../../lib/pki/tls-source.js';
import { rejectionRegistry } from '../../lib/rejections.js';
import { AgentDefinition } from '../../gen/agent.js';
import { ResourcesDefinition } from '../../gen/apiserver.js';
import { aggregatorUser, publishAuthentication } from './aggregator/index.js';
import { ApiCore } from './core.js';
import { builtFile, readBuiltFiles } from './dashboard/built-files.js';
import { dashboardPaths } from './dashboard/paths.js';
import { DiscoveryHandler } from './discovery/discovery-handler.js';
import { wellKnownPaths } from './discovery/paths.js';
import { ServedGroups } from './discovery/served-groups.js';
import { agentHandlers } from './grpc/agent-service.js';
import { auditedCalls } from './grpc/audited-calls.js';
import { RemoteResources } from './grpc/remote-resources.js';
import { ResourceService } from './grpc/resource-service.js';
import { HealthHandler } from './health.js';
import { revisionPath } from './history/revision-path.js';
import { RevisionTimes } from './history/revision-times.js';
import { maxRequestBytes } from './limits.js';
import { openApiPaths } from './openapi/handler.js';
import type { ApiServerOptions, RunningApiServer } from './options.js';
import { BodyLane } from './content/body-lane.js';
import { BodyParser } from './content/body-parser.js';
import { BodyReader } from './rest/body-reader.js';
import { serveLog } from './rest/log.js';
import type { PathHandler } from './rest/pipeline.js';
import { Pipeline } from './rest/pipeline.js';
import { serveProxy } from './rest/proxy.js';
import type { RemoteDeps } from './rest/remote.js';
import { askRemote, serveRemote } from './rest/remote.js';
import type { ConnectHandler } from './rest/resource-handler.js';
import { ResourceHandler } from './rest/resource-handler.js';
import { UpgradeHandler } from './rest/upgrade.js';
import { RuleTurns } from './rules/rule-turns.js';
import { verbosityPath } from './rest/verbosity.js';
import { KubernetesService } from './services/kubernetes-service.js';
import { Connector } from './subresources/connector.js';

const stopGraceMs = 5_000;

/**
 * Starts an API server and resolves when it answers. A store that is not there yet is waited for.
 * @throws the system's error when a port is taken
 */
export async function startApiServer(options: ApiServerOptions): Promise<RunningApiServer> {
  const server = new ApiServer(options);
  return server.start();
}

/** The core with its doors: HTTP, gRPC, and the service that leads to them. */
class ApiServer {
  readonly #options: ApiServerOptions;
  readonly #core: ApiCore;
  readonly #health: HealthHandler;
  readonly #parser: BodyParser;
  readonly #rules: RuleTurns;

  constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#rules = new RuleTurns(options.clock);
    this.#core = new ApiCore({ ...options, rules: this.#rules });
    this.#health = new HealthHandler(this.#core.store);
    this.#parser = new BodyParser(new BodyLane(options.clock));
  }

  async start(): Promise<RunningApiServer> {
    const { log, clock } = this.#options;
    const core = this.#core;
    const { verbs, objects, agents, kinds } = core;
    const connector = new Connector({ objects, agents, kinds });
    const remote: RemoteDeps = { ...core.remoteCalls, remotes: core.remotes, verbs };
    const pipeline = this.#pipeline(connector, remote);
    const upgrades = new UpgradeHandler({
      verbs,
      connector,
      clock,
      log,
      remote,
    });
    const rest = this.#listener({
      fallback: (request, response) => {
        void pipeline.serve(request, response);
      },
      onUpgrade: (request, socket, head, decline) => {
        void upgrades.serve(request, socket, head, decline);
      },
    });
    const grpc = this.#listener({});
    const resources = new ResourceService({
      verbs,
      parser: this.#parser,
      remote: new RemoteResources({ ...remote, clock }),
      now: () => objects.now(),
    });
    grpc.addService(ResourcesDefinition, resources.handlers());
    grpc.addService(AgentDefinition, agentHandlers(verbs, connector));
    const observer = core.audit === undefined ? undefined : auditedCalls(core.audit, clock);
    const further: Pick<GrpcServer, 'addService'> = {
      addService: (definition, handlers) => grpc.addService(definition, handlers, observer),
    };
    this.#options.extendGrpc?.(further, core.authorization);
    await core.start();
    const host = this.#options.bindAddress;
    const { port: restPort } = await rest.listen({ host, port: this.#options.securePort });
    const { port: grpcPort } = await grpc.listen({ host, port: this.#options.grpcPort });
    const service = new KubernetesService({
      deps: core.deps,
      range: core.range,
      serviceCidr: core.serviceCidr,
      address: this.#options.advertiseAddress,
      port: restPort,
    });
    await service.start();
    await this.#publish();
    this.#health.setReady();
    log.info({ restPort, grpcPort }, 'the API server is ready');
    return {
      restPort,
      grpcPort,
      stop: async () => {
        core.endDefinitions();
        await service.stop();
        await this.#stop(rest, grpc);
      },
    };
  }

  /** Tells the servers behind this one whom to trust. */
  async #publish(): Promise<void> {
    const { serving, frontProxy, log } = this.#options;
    const trust = {
      clientCa: serving.current.ca.toString(),
      frontProxyCa: frontProxy?.current.ca.toString(),
    };
    try {
      await publishAuthentication(this.#core.deps, trust);
    } catch (error) {
      log.warn({ error }, 'servers behind this one do not learn whom to trust');
    }
  }

  /** The HTTP door with all that it serves besides the verbs. */
  #pipeline(connector: Connector, remote: RemoteDeps): Pipeline {
    const { clock, log } = this.#options;
    const { verbs, kinds, metrics, partMetrics, tokens, objects } = this.#core;
    const bodies = new BodyReader(clock);
    const resources = new ResourceHandler({
      verbs,
      kinds,
      bodies,
      parser: this.#parser,
      clock,
      now: () => objects.now(),
      connects: new Map<string, ConnectHandler>([
        ['log', (exchange) => serveLog(exchange, { verbs, connector })],
        ['proxy', (exchange) => serveProxy(exchange, { verbs, connector })],
      ]),
    });
    const served = new ServedGroups(kinds, remote.remotes);
    return new Pipeline({
      verbs,
      kinds,
      discovery: new DiscoveryHandler(
        served,
        `${this.#options.advertiseAddress}:${this.#options.securePort}`,
      ),
      resources,
      paths: [
        (exchange) => this.#health.handle(exchange),
        verbosityPath(this.#options.threshold, clock),
        wellKnownPaths({
          served,
          metrics: [
            metrics.registry,
            partMetrics.registry,
            rejectionRegistry,
            ...(this.#options.metrics ?? []),
          ],
          tokens,
        }),
        revisionPath(
          new RevisionTimes(objects.store, (key, value) => objects.readValue(key, value)),
        ),
        openApiPaths(kinds, {
          remotes: remote.remotes,
          forward: async (exchange, api) => {
            await askRemote(exchange, api, remote, aggregatorUser);
          },
        }),
      ],
      remote: async (exchange) => {
        const api = remote.remotes.ofPath(exchange.info.path);
        if (api !== undefined) await serveRemote(exchange, api, remote);
        return api !== undefined;
      },
      files: this.#dashboard(),
      streams: this.#options.streams ?? new Map(),
      log,
    });
  }

  #dashboard(): PathHandler {
    const { dashboard, log } = this.#options;
    try {
      if (dashboard === true) return dashboardPaths(readBuiltFiles(builtFile));
    } catch (error) {
      log.warn({ error }, 'the dashboard is not served: it is not built');
    }
    return () => Promise.resolve(false);
  }

  #listener(handlers: Pick<GrpcServerOptions, 'fallback' | 'onUpgrade'>): GrpcServer {
    const { serving, log, clock } = this.#options;
    const tls = derivedTls<TrustedPair, ServerTls>(serving, (pair) => ({
      ...pair,
      requestClientCert: 'optional',
    }));
    return createGrpcServer({
      log,
      clock,
      tls,
      maxReceiveBytes: maxRequestBytes + 64 * 1024,
      ...handlers,
    });
  }

  async #stop(rest: GrpcServer, grpc: GrpcServer): Promise<void> {
    this.#health.setStopping();
    this.#core.endWatches();
    await Promise.all([rest.close({ graceMs: stopGraceMs }), grpc.close({ graceMs: stopGraceMs })]);
    await Promise.all([this.#parser.close(), this.#rules.close()]);
    await this.#core.close();
  }
}
