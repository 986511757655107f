/** exec, attach and port-forward: reads and checks the request, and opens the call to the node's agent. */
import type { Duplex } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../../lib/clock.js';
import { upgradeCommand, upgradePortForward } from '../../streaming/index.js';
import type { Objects } from '../registry/objects.js';
import type { Target } from '../registry/types.js';
import { readFlag } from '../rest/params.js';
import { badRequest } from '../status.js';
import type { NodeAgents } from './node-agents.js';
import { findContainer } from './pod-container.js';

export interface StreamDeps {
  readonly objects: Objects;
  readonly agents: NodeAgents;
  readonly clock: Clock;
}

/** A connection that is to speak another protocol from here on. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Takes over the connection; called once everything has been checked. */
export type TakeOver = (upgrade: Upgrade) => void;

/** @throws StatusError for a request that cannot be served */
export async function prepareStream(
  target: Target,
  query: URLSearchParams,
  deps: StreamDeps,
): Promise<TakeOver> {
  if (target.subresource === 'portforward') return preparePortForward(target, query, deps);
  const method = target.subresource === 'attach' ? 'attach' : 'exec';
  const command = method === 'exec' ? query.getAll('command') : [];
  if (method === 'exec' && command.length === 0) {
    throw badRequest('you must specify at least one command for the container');
  }
  const flag = (name: string): boolean => readFlag(query, name) ?? false;
  const tty = flag('tty');
  const [stdin, stdout, stderr] = [flag('stdin'), flag('stdout'), flag('stderr') && !tty];
  if (!stdin && !stdout && !stderr) {
    throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
  }
  const found = await findContainer(deps.objects, target, query.get('container') ?? '');
  const start = { container: found.ref, command, stdin, stdout, stderr, tty };
  const agent = deps.agents.forNode(found.node);
  return (upgrade) => {
    upgradeCommand(upgrade, { start, open: () => agent[method](), clock: deps.clock });
  };
}

async function preparePortForward(
  target: Target,
  query: URLSearchParams,
  deps: StreamDeps,
): Promise<TakeOver> {
  const ports = query
    .getAll('ports')
    .flatMap((text) => text.split(','))
    .map(Number);
  if (ports.some((port) => !(port >= 1 && port <= 65_535))) {
    throw badRequest(`invalid ports: ${query.getAll('ports').join(',')}`);
  }
  const found = await findContainer(deps.objects, target, '', false);
  const agent = deps.agents.forNode(found.node);
  return (upgrade) => {
    upgradePortForward(upgrade, {
      ports,
      open: (port) => {
        const call = agent.portForward();
        call.send({ kind: { $case: 'start', value: { container: found.ref, port } } });
        return call;
      },
    });
  };
}
