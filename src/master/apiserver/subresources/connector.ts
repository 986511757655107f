import type { ExecStart, LogsRequest } from '../../../gen/agent.js';
import type { Target } from '../registry/types.js';
import { badRequest } from '../status.js';
import type { CommandOptions } from './connect-options.js';
import type { Backend, BackendDeps } from './backends.js';
import { findBackend, splitProxiedName } from './backends.js';
import type { AgentClient } from './node-agents.js';
import { findContainer } from './pod-container.js';

/** Finds the node that a connection of a pod, a service or a node leads to, and calls its agent. Authorizes nothing. */
export class Connector {
  readonly #deps: BackendDeps;

  constructor(deps: BackendDeps) {
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

  /** Finds the backend of a proxied request. @throws StatusError */
  backend(target: Target): Promise<Backend> {
    return findBackend(this.#deps, target);
  }

  /** `stats/summary` of a node. @throws StatusError */
  async nodeSummary(target: Target): Promise<Buffer> {
    const name = splitProxiedName(target.name)?.name ?? '';
    const { summary } = await this.#deps.agents.forNode(name).stats({});
    return summary;
  }
}
