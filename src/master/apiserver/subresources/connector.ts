import { objectKey } from '../../../api/facts/keys.js';
import { serviceNameLabel } from '../../../api/facts/well-known.js';
import type { Duplex } from 'node:stream';
import type { ExecStart, LogsRequest } from '../../../gen/agent.js';
import { endpointIpErrors, nonSpecialIpErrors } from '../../../api/validation/addresses.js';
import type { KindRegistry } from '../../../api/registry.js';
import type { Pod, Service } from '../../../api/types/core.js';
import type { EndpointSlice } from '../../../api/types/networking.js';
import type { Objects } from '../registry/objects.js';
import type { Target } from '../registry/types.js';
import { badRequest, noSuchResource, unavailable } from '../status.js';
import type { CommandOptions } from './connect-options.js';
import { agentSocket } from './agent-socket.js';
import type { AgentClient, NodeAgents } from './node-agents.js';
import { findContainer } from './pod-container.js';

/** The objects and connections by which the agent of a pod's node is found and called. */
export interface ConnectorDeps {
  readonly objects: Objects;
  readonly agents: NodeAgents;
  readonly kinds: KindRegistry;
}

/** A pod and a port in it, and a connection to it. */
export interface Backend {
  readonly pod: string;
  readonly port: number;
  readonly connect: () => Duplex;
}

/** Finds the node that a connection of a pod, a service or a node leads to, and calls its agent. Authorizes nothing. */
export class Connector {
  readonly #deps: ConnectorDeps;

  constructor(deps: ConnectorDeps) {
    this.#deps = deps;
  }

  /** @throws StatusError NotFound, BadRequest */
  async command(
    target: Target,
    options: CommandOptions,
  ): Promise<{ readonly start: ExecStart; readonly agent: AgentClient }> {
    const { stdin, stdout, stderr, tty, container, command = [] } = options;
    if (target.subresource === 'exec' && command.length === 0) {
      throw badRequest('you must specify at least one command for the container');
    }
    if (!stdin && !stdout && !stderr) {
      throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
    }
    const found = await findContainer(this.#deps.objects, target, container);
    const start = { container: found.ref, command: [...command], stdin, stdout, stderr, tty };
    return { start, agent: this.#deps.agents.forNode(found.node) };
  }

  /** @throws StatusError NotFound, BadRequest */
  async portForward(target: Target): Promise<{
    readonly agent: AgentClient;
    readonly container: ExecStart['container'];
  }> {
    const found = await findContainer(this.#deps.objects, target, '', false);
    return { agent: this.#deps.agents.forNode(found.node), container: found.ref };
  }

  /** @throws StatusError NotFound, BadRequest */
  async logs(
    target: Target,
    request: Omit<LogsRequest, 'container'> & { readonly container: string },
    signal: AbortSignal,
  ): Promise<AsyncIterable<{ readonly data: Buffer }>> {
    const found = await findContainer(this.#deps.objects, target, request.container);
    const agent = this.#deps.agents.forNode(found.node);
    return agent.logs({ ...request, container: found.ref }, { signal });
  }

  /** Finds the backend of a proxied request to a pod or a service. @throws StatusError */
  async backend(target: Target): Promise<Backend> {
    const { objects, agents, kinds } = this.#deps;
    const { namespace } = target;
    const wanted = { namespace, ...splitName(target.name) };
    const { pod, port } =
      target.kind.plural === 'services'
        ? await this.#serviceBackend(wanted)
        : this.#podBackend(wanted);
    const kind = kinds.byResource('', 'v1', 'pods');
    if (kind === undefined) throw noSuchResource();
    const found = await findContainer(objects, { kind, namespace, name: pod }, '', false);
    this.#checkAddress(namespace, pod);
    const agent = agents.forNode(found.node);
    return { pod, port, connect: () => agentSocket(agent, found.ref, port) };
  }

  /**
   * Checks the address in the pod's status, although the node dials the one that it gave the pod: it must be valid, and
   * the loopback only where that is the node's own address.
   */
  #checkAddress(namespace: string, name: string): void {
    const pod = this.#deps.objects.watchCache
      .cache('pods')
      .get(objectKey({ namespace, name }))
      ?.parse<Pod>();
    const { podIP = '', hostIP } = pod?.status ?? {};
    const problems = podIP === hostIP ? endpointIpErrors(podIP) : nonSpecialIpErrors(podIP);
    if (problems.length > 0) throw badRequest('address not allowed');
  }

  /** `stats/summary` of a node; nothing else is offered by our nodes. @throws StatusError */
  async nodeSummary(target: Target): Promise<Buffer> {
    const { summary } = await this.#deps.agents.forNode(splitName(target.name).name).stats({});
    return summary;
  }

  #podBackend({ namespace, name, port }: Wanted): { pod: string; port: number } {
    const pod = this.#deps.objects.watchCache
      .cache('pods')
      .get(objectKey({ namespace, name }))
      ?.parse<Pod>();
    const ports = pod?.spec.containers.flatMap((container) => container.ports ?? []) ?? [];
    const number =
      port === ''
        ? (ports[0]?.containerPort ?? 80)
        : /^\d+$/.test(port)
          ? Number(port)
          : ports.find((candidate) => candidate.name === port)?.containerPort;
    if (number === undefined) {
      throw badRequest(`no port named ${JSON.stringify(port)} in pod ${name}`);
    }
    return { pod: name, port: number };
  }

  async #serviceBackend({ namespace, name, port }: Wanted): Promise<{ pod: string; port: number }> {
    const { objects, kinds } = this.#deps;
    const kind = kinds.byResource('', 'v1', 'services');
    if (kind === undefined) throw noSuchResource();
    const entry = await objects.get({ kind, namespace, name });
    const ports = entry.parse<Service>().spec.ports ?? [];
    const chosen =
      port === ''
        ? ports.length === 1
          ? ports[0]
          : undefined
        : ports.find((candidate) => candidate.name === port || String(candidate.port) === port);
    if (chosen === undefined) {
      throw unavailable(
        `no service port ${JSON.stringify(port)} found for service ${JSON.stringify(name)}`,
      );
    }
    for (const candidate of objects.watchCache
      .cache('discovery.k8s.io/endpointslices')
      .list(namespace)) {
      const slice = candidate.object<EndpointSlice>();
      if (slice.metadata.labels?.[serviceNameLabel] !== name) continue;
      const number = slice.ports?.find((p) => (p.name ?? '') === (chosen.name ?? ''))?.port;
      const ready = slice.endpoints?.find(
        (endpoint) => endpoint.conditions?.ready !== false && endpoint.targetRef?.kind === 'Pod',
      );
      if (number !== undefined && ready?.targetRef?.name !== undefined) {
        return { pod: ready.targetRef.name, port: number };
      }
    }
    throw unavailable(`no endpoints available for service ${JSON.stringify(name)}`);
  }
}

/** `[scheme:]name[:port]`. */
function splitName(text: string): { name: string; port: string } {
  const parts = text.split(':');
  if (parts.length === 3) return { name: parts[1] ?? '', port: parts[2] ?? '' };
  return { name: parts[0] ?? '', port: parts[1] ?? '' };
}

interface Wanted {
  readonly namespace: string;
  readonly name: string;
  readonly port: string;
}
