/**
 * The node's HTTPS paths beside its gRPC: health, metrics, the use of pods, and the pods, for whom the API server lets
 * (kubelet's server on 10250).
 */
import type { Pod } from '../../api/types/core.js';
import type { DoorRequest, DoorResponse } from '../../client/door/answer.js';
import {
  answer,
  answerMetrics,
  credentialsOf,
  leave,
  plainText,
  targetOf,
} from '../../client/door/answer.js';
import { changeVerbosity, verbosityPath } from '../../client/door/component-door.js';
import type {
  DelegatedAccess,
  DoorCredentials,
  DoorUser,
} from '../../client/door/delegated-access.js';
import { isDoorRefusal } from '../../client/door/delegated-access.js';
import type { Clock } from '../../lib/clock.js';
import type { HttpHandler } from '../../lib/grpc/index.js';
import { alwaysHolds, answerHealth, healthPath } from '../../lib/health-checks.js';
import { HealthMetrics, healthMetricsPath } from '../../lib/health-metrics.js';
import type { Logger, LogThreshold } from '../../lib/log.js';
import { Counter } from '../../lib/metrics.js';
import { rejectionRegistry } from '../../lib/rejections.js';
import type { WorkerNode } from '../agent/worker-node.js';
import type { StatsSummary } from '../service/stats-summary.js';
import type { UsageReading } from '../service/usage-meter.js';
import type { AgentMetrics } from './agent-metrics.js';
import { wantedOf } from './door-attributes.js';
import { logsPath, nodeLogDir, serveNodeLog } from './node-logs.js';
import type { MachineSize, UsedContainer } from './usage-metrics.js';
import { cadvisorMetrics, resourceMetrics } from './usage-metrics.js';

/** The dependencies of {@link createAgentDoor}. */
export interface AgentDoorOptions {
  readonly nodeName: string;
  /** The node, once it is up. */
  readonly find: () => WorkerNode | undefined;
  readonly access: DelegatedAccess;
  readonly metrics: AgentMetrics;
  readonly stats: StatsSummary;
  readonly machine: MachineSize;
  /** The answer of `/configz`. */
  readonly configuration: object;
  /** The directory with the node's logs. @default /var/log */
  readonly logDir?: string;
  readonly threshold: LogThreshold;
  readonly clock: Clock;
  readonly log: Logger;
}

const json = 'application/json';

/** Serves what is not gRPC on the agent's port. */
export function createAgentDoor(options: AgentDoorOptions): HttpHandler {
  const requests = new Counter({
    name: 'kubelet_http_requests_total',
    help: 'Number of the http requests received since the server started',
    labelNames: ['method', 'path', 'server_type', 'long_running'] as string[],
    registers: [options.metrics.registry],
  });
  const door = new AgentDoor(options, (path, method) =>
    requests.inc({ method, path, server_type: 'readwrite', long_running: 'false' }),
  );
  return (request, response) => {
    door.serve(request, response).catch((error: unknown) => {
      options.log.warn({ error }, 'a request could not be answered');
      if (!response.headersSent) answer(response, 500, plainText, 'internal error\n');
      else response.end();
    });
  };
}

type Serve = (request: DoorRequest, response: DoorResponse) => void | Promise<void>;

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT']);

class AgentDoor {
  readonly #options: AgentDoorOptions;
  readonly #counted: (path: string, method: string) => void;
  readonly #paths: ReadonlyMap<string, Serve>;
  readonly #slis = new HealthMetrics();

  constructor(options: AgentDoorOptions, counted: (path: string, method: string) => void) {
    this.#options = options;
    this.#counted = counted;
    const { metrics } = options;
    this.#paths = new Map<string, Serve>([
      ['/metrics', (_, to) => answerMetrics(to, [metrics.registry, rejectionRegistry])],
      ['/metrics/probes', (_, to) => answerMetrics(to, [metrics.probes()])],
      ['/metrics/resource', (_, to) => this.#resources(to)],
      [healthMetricsPath, (_, to) => answerMetrics(to, [this.#slis.registry])],
      ['/metrics/cadvisor', (_, to) => this.#cadvisor(to)],
      ['/stats/summary', (_, to) => this.#summary(to)],
      ['/pods', (_, to) => this.#pods(to)],
      ['/runningpods', (_, to) => this.#running(to)],
      ['/configz', (_, to) => answer(to, 200, json, JSON.stringify(options.configuration))],
      [verbosityPath, (request, to) => changeVerbosity(request, to, options)],
    ]);
  }

  async serve(request: DoorRequest, response: DoorResponse): Promise<void> {
    const { path: given, query } = targetOf(request);
    const path = given.length > 1 ? given.replace(/\/$/, '') : given;
    if (path !== verbosityPath) leave(request, response, this.#options.clock);
    const method = request.method ?? 'GET';
    const isLog = path === logsPath || path.startsWith(`${logsPath}/`);
    const own = this.#paths.has(path) ? path.slice(1) : healthPath(path)?.root;
    const known = isLog ? 'logs' : own;
    this.#counted(known ?? 'other', methods.has(method) ? method : 'other');
    if (!(await this.#admits(request, response, path))) return;
    const health = healthPath(path);
    if (health?.root === 'healthz') {
      const syncs = { name: 'syncloop', holds: () => this.#options.find() !== undefined };
      const checks = [alwaysHolds('ping'), alwaysHolds('log'), syncs];
      const found = await answerHealth(health, query, checks, this.#slis);
      if (found !== undefined) return answer(response, found.status, plainText, found.text);
    }
    if (isLog) {
      const { logDir: root = nodeLogDir } = this.#options;
      return serveNodeLog({ root, path: given, method }, response);
    }
    const serve = this.#paths.get(path);
    if (serve === undefined) return answer(response, 404, plainText, '404 page not found\n');
    await serve(request, response);
  }

  /**
   * Lets in whom the API server lets, else answers why not, in kubelet's words, of which one alone ends its line
   * (`pkg/kubelet/server/server.go`, `InstallAuthFilter`).
   */
  async #admits(request: DoorRequest, response: DoorResponse, path: string): Promise<boolean> {
    const { access, nodeName } = this.#options;
    const { verb, subresources } = wantedOf(request.method ?? 'GET', path);
    let user: DoorUser | undefined;
    try {
      const credentials = credentialsOf(request);
      user = await access.userOf(credentials);
      await this.#mustBeAllowed(user, { verb, subresources }, credentials);
      return true;
    } catch (error) {
      if (!isDoorRefusal(error)) throw error;
      const who = `user=${user?.username ?? ''}, verb=${verb}, resource=nodes`;
      const words = {
        401: 'Unauthorized',
        403: `Forbidden (${who}, subresource(s)=[${subresources.join(' ')}])\n`,
        429: `${error.message}\n`,
        500: `Authorization error (${who}, subresource=${subresources[0] ?? ''})`,
      };
      this.#options.log.debug({ error, node: nodeName, path }, 'a request was refused');
      answer(response, error.status, plainText, words[error.status]);
      return false;
    }
  }

  /** The first subresource that the user may is enough. */
  async #mustBeAllowed(
    user: DoorUser,
    { verb, subresources }: { readonly verb: string; readonly subresources: readonly string[] },
    credentials: DoorCredentials,
  ): Promise<void> {
    const { access, nodeName: name } = this.#options;
    for (const [at, subresource] of subresources.entries()) {
      try {
        const wanted = { verb, resource: 'nodes', subresource, name };
        await access.mustBeAllowed(user, wanted, credentials);
        return;
      } catch (error) {
        const isLast = at === subresources.length - 1;
        if (isLast || !isDoorRefusal(error) || error.status !== 403) throw error;
      }
    }
  }

  async #reading(): Promise<{ reading: UsageReading; containers: UsedContainer[] } | undefined> {
    const { stats, find, log } = this.#options;
    const node = find();
    if (node === undefined) return undefined;
    try {
      const { last: reading } = await stats.usage(node);
      return { reading, containers: usedContainers(node, reading) };
    } catch (error) {
      log.warn({ error }, 'the use of containers could not be read');
      return undefined;
    }
  }

  async #resources(response: DoorResponse): Promise<void> {
    const found = await this.#reading();
    answerMetrics(response, [resourceMetrics(found?.reading, found?.containers ?? [])]);
  }

  async #cadvisor(response: DoorResponse): Promise<void> {
    const found = await this.#reading();
    answerMetrics(response, [cadvisorMetrics(found?.containers ?? [], this.#options.machine)]);
  }

  async #summary(response: DoorResponse): Promise<void> {
    const { stats, find } = this.#options;
    const node = find();
    if (node === undefined) return answer(response, 503, plainText, 'the node is starting\n');
    answer(response, 200, json, JSON.stringify(await stats.read(node)));
  }

  #pods(response: DoorResponse): void {
    const workers = [...(this.#options.find()?.pods.workers.values() ?? [])];
    const items: Pod[] = workers.map((worker) => ({ ...worker.pod, status: worker.status() }));
    answerPods(response, items);
  }

  /** What runs, whatever was wanted: the containers alone, as kubelet tells it for those who look into a node. */
  #running(response: DoorResponse): void {
    const workers = [...(this.#options.find()?.pods.workers.values() ?? [])];
    const items = workers.flatMap(({ pod: { metadata }, state }): Pod[] => {
      const containers = [...state.trackedContainers.values()].flatMap(({ name, current }) =>
        current?.phase === 'running' ? [{ name, image: current.image, resources: {} }] : [],
      );
      const { name, namespace = '', uid } = metadata;
      return containers.length === 0
        ? []
        : [
            {
              metadata: { name, namespace, ...(uid === undefined ? {} : { uid }) },
              spec: { containers },
              status: {},
            },
          ];
    });
    answerPods(response, items);
  }
}

function answerPods(response: DoorResponse, items: readonly Pod[]): void {
  const list = { kind: 'PodList', apiVersion: 'v1', metadata: {}, items };
  answer(response, 200, json, JSON.stringify(list));
}

function usedContainers(node: WorkerNode, { containers }: UsageReading): UsedContainer[] {
  return [...node.pods.workers.values()].flatMap(({ pod, state }) =>
    [...state.trackedContainers.values()].flatMap(({ name, current }) => {
      const stats = containers.get(current?.id ?? '');
      if (current === undefined || stats === undefined) return [];
      const { namespace = '', name: podName } = pod.metadata;
      const { image, startedAtMs = 0 } = current;
      return [{ namespace, pod: podName, container: name, image, startedAtMs, stats }];
    }),
  );
}
