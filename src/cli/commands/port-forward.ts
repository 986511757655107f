import { once } from 'node:events';
import type { KubeObject } from '../../api/object.js';
import type { Pod, Service } from '../../api/types/core.js';
import { errorMessage } from '../../lib/errors.js';
import { parseSingle } from '../builder/arguments.js';
import { fetchObject } from '../builder/objects.js';
import { choosePod } from '../builder/pod-of.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { pathOf } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import type { PortPair } from '../stream/port-forward.js';
import { forwardConnection, listenLocal, openForward } from '../stream/port-forward.js';

const pods = { group: '', version: 'v1', plural: 'pods' };
const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** `trireme port-forward`. */
export const portForwardCommand = defineCommand({
  name: 'port-forward',
  summary: 'open ports of a pod on this machine',
  usage: '(POD | TYPE/NAME) [LOCAL:]REMOTE...',
  examples: [
    ['port 8080 here is port 80 there', 'trireme port-forward web-0 8080:80'],
    ['of a service', 'trireme port-forward service/web 8080:http'],
    ['on a port that is free', 'trireme port-forward deployment/web :80'],
  ],
  flags: {
    address: {
      type: 'list',
      commas: true,
      value: 'IP',
      help: 'where to listen (default localhost); may be repeated',
    },
  },
  completes: 'pods-and-workloads',
  run: async (invocation) => {
    const { args, flags } = invocation;
    const [target, ...words] = args;
    if (target === undefined || words.length === 0) {
      throw new CommandLineError('TYPE/NAME and list of ports are required for port-forward');
    }
    return withSession(invocation, async (session) => {
      const { pod, service } = await targetOf(session, target);
      if (pod.status?.phase !== 'Running') {
        throw plain(
          `unable to forward port because pod is not running. Current status=${pod.status?.phase ?? ''}`,
        );
      }
      const pairs = words.map((word) => parsePair(word, pod, service));
      const hosts =
        flags.address.length === 0
          ? ['127.0.0.1']
          : flags.address.map((host) => (host === 'localhost' ? '127.0.0.1' : host));
      const servers = [];
      for (const pair of pairs)
        for (const host of hosts) servers.push(await listen(session, pod, pair, host));
      await once(process, 'SIGINT');
      for (const server of servers) server.close();
      return 0;
    });
  },
});

async function targetOf(
  session: Session,
  target: string,
): Promise<{ pod: Pod; service: Service | undefined }> {
  const { namespace } = session;
  const words = target.includes('/') ? [target] : ['pods', target];
  const ref = { ...(await parseSingle(session.mapper, words)), namespace };
  const object: KubeObject = await fetchObject(session, ref);
  if (ref.resource.plural === 'pods') return { pod: object as Pod, service: undefined };
  const { pod } = await choosePod(session, ref, object);
  return { pod, service: ref.resource.plural === 'services' ? (object as Service) : undefined };
}

/** `8080:80`, `80`, `:80`, `8080:http`. @throws CommandLineError */
export function parsePair(word: string, pod: Pod, service: Service | undefined): PortPair {
  const [first = '', second] = word.split(':');
  const remoteText = second ?? first;
  const remote = remotePort(remoteText, pod, service);
  const localText = second === undefined ? first : first === '' ? '0' : first;
  // A name alone is that port here too.
  const local = /^\d+$/.test(localText) ? Number(localText) : remote;
  if (local > 65_535)
    throw plain(
      `error parsing local port '${localText}': strconv.ParseUint: parsing "${localText}": value out of range`,
    );
  return { local, remote };
}

function remotePort(text: string, pod: Pod, service: Service | undefined): number {
  const containers = pod.spec.containers.flatMap(({ ports = [] }) => ports);
  if (service !== undefined) {
    const found = (service.spec.ports ?? []).find(
      ({ name, port }) => name === text || String(port) === text,
    );
    if (found === undefined) {
      throw plain(`Service ${service.metadata.name} does not have a service port ${text}`);
    }
    const target = found.targetPort ?? found.port;
    if (typeof target === 'number') return target;
    return containers.find(({ name }) => name === target)?.containerPort ?? Number(target);
  }
  if (/^\d+$/.test(text)) return Number(text);
  const found = containers.find(({ name }) => name === text);
  if (found === undefined)
    throw plain(`Pod '${pod.metadata.name}' does not have a named port '${text}'`);
  return found.containerPort;
}

async function listen(
  session: Session,
  pod: Pod,
  pair: PortPair,
  host: string,
): Promise<{ close: () => void }> {
  const { context, kube } = session;
  const { name, namespace } = pod.metadata;
  const { close, port } = await listenLocal(host, pair.local, (connection) => {
    connection.pause();
    context.out(`Handling connection for ${port}\n`);
    const fail = (text: string): void => {
      context.err(`an error occurred forwarding ${port} -> ${pair.remote}: ${text.trim()}\n`);
      connection.destroy();
    };
    const path = pathOf(pods, { namespace, name, subresource: 'portforward' });
    openForward(kube, { path, query: { ports: String(pair.remote) } })
      .then((socket) => forwardConnection(connection, socket, { port: pair.remote, fail }))
      .catch((error: unknown) => fail(errorMessage(error)));
  }).catch((error: unknown) => {
    throw plain(`unable to listen on port ${pair.local}: ${errorMessage(error)}`);
  });
  context.out(`Forwarding from ${host}:${port} -> ${pair.remote}\n`);
  return { close };
}
