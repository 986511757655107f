/** exec, attach and port-forward: reads the request's options, and opens the calls to the node's agent. */
import type { Duplex } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../../lib/clock.js';
import { upgradeCommand, upgradePortForward } from '../../streaming/index.js';
import { badRequest } from '../status.js';
import type { Connector } from '../subresources/connector.js';
import type { CommandOptions, PortForwardOptions, Target } from '../verbs/index.js';
import { attachOptions, execOptions, portForwardOptions } from '../verbs/index.js';
import { readFlag } from './request-info.js';

/** The dependencies of exec, attach and port-forward. */
export interface StreamDeps {
  readonly connector: Connector;
  readonly clock: Clock;
}

/** A connection that is to speak another protocol from here on. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** A stream that is asked for. */
export interface StreamRequest {
  readonly options: CommandOptions | PortForwardOptions;
  /** Makes everything ready. @returns what takes over the connection. @throws StatusError */
  prepare(target: Target): Promise<(upgrade: Upgrade) => void>;
}

/** Reads what the subresource's connection is to be. @throws StatusError for what cannot be served */
export function readStreamRequest(
  subresource: string,
  query: URLSearchParams,
  deps: StreamDeps,
): StreamRequest {
  if (subresource === 'portforward') return portForwardRequest(query, deps);
  if (subresource !== 'exec' && subresource !== 'attach') {
    throw badRequest('Upgrade request is not supported for this resource');
  }
  const flag = (name: string): boolean => readFlag(query, name) ?? false;
  const tty = flag('tty');
  const fields = {
    stdin: flag('stdin'),
    stdout: flag('stdout'),
    stderr: flag('stderr') && !tty,
    tty,
    container: query.get('container') ?? '',
  };
  const options =
    subresource === 'exec' ? execOptions(fields, query.getAll('command')) : attachOptions(fields);
  return {
    options,
    async prepare(target) {
      const { start, agent } = await deps.connector.command(target, options);
      const open = () => agent[subresource]();
      return (upgrade) => upgradeCommand(upgrade, { start, open, clock: deps.clock });
    },
  };
}

function portForwardRequest(query: URLSearchParams, deps: StreamDeps): StreamRequest {
  const ports = query
    .getAll('ports')
    .flatMap((text) => text.split(','))
    .map(Number);
  if (ports.some((port) => !(port >= 1 && port <= 65_535))) {
    throw badRequest(`invalid ports: ${query.getAll('ports').join(',')}`);
  }
  const options = portForwardOptions(ports);
  return {
    options,
    async prepare(target) {
      const { agent, container } = await deps.connector.portForward(target);
      return (upgrade) => {
        upgradePortForward(upgrade, {
          ports: options.ports,
          clock: deps.clock,
          open: (port) => {
            const call = agent.portForward();
            const value = { container, port, toPodAddress: false };
            call.send({ kind: { $case: 'start', value } });
            return call;
          },
        });
      };
    },
  };
}
