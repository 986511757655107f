import { once } from 'node:events';
import type { Socket } from 'node:net';
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
import { ConnectionError } from '../kube/status-error.js';
import type { KubeRequest } from '../kube/types.js';
import type { ListenAddress, Listener } from '../stream/listen.js';
import { listenOnPort, parseAddresses } from '../stream/listen.js';
import type { PortPair } from '../stream/port-forward.js';
import { forwardConnection, openForward } from '../stream/port-forward.js';

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
      help: 'where to listen (default localhost, by both of its addresses); may be repeated',
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
      const addresses = parseAddresses(flags.address.length === 0 ? ['localhost'] : flags.address);
      await mayForward(session, pod, pairs);
      const listeners = await listenOnAll(session, pod, pairs, addresses);
      await once(process, 'SIGINT');
      for (const listener of listeners) listener.close();
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
  const local = second === undefined && !/^\d+$/.test(localText) ? String(remote) : localText;
  const pair = { local: parsePort('local', local), remote: parsePort('remote', String(remote)) };
  if (pair.remote === 0) throw plain('remote port must be > 0');
  return pair;
}

/** @throws CommandLineError in Go's words for what is no port */
function parsePort(which: 'local' | 'remote', text: string): number {
  const isNumber = /^\d+$/.test(text);
  if (isNumber && Number(text) <= 65_535) return Number(text);
  const why = isNumber ? 'value out of range' : 'invalid syntax';
  throw plain(
    `error parsing ${which} port '${text}': strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`,
  );
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

/** Asks the server for a connection before anything listens: what it refuses is told at once. */
async function mayForward(
  { kube }: Session,
  { metadata }: Pod,
  pairs: readonly PortPair[],
): Promise<void> {
  const [{ remote } = { remote: 0 }] = pairs;
  try {
    (await openForward(kube, forwardRequest(metadata, remote))).close();
  } catch (error) {
    if (error instanceof ConnectionError) throw error;
    throw plain(`error upgrading connection: ${errorMessage(error)}`);
  }
}

function forwardRequest({ name, namespace }: Pod['metadata'], port: number): KubeRequest {
  const path = pathOf(pods, { namespace, name, subresource: 'portforward' });
  return { path, query: { ports: String(port) } };
}

/** @throws CommandLineError in kubectl's words where none of the ports can be had */
async function listenOnAll(
  session: Session,
  pod: Pod,
  pairs: readonly PortPair[],
  addresses: readonly ListenAddress[],
): Promise<Listener[]> {
  const listeners: Listener[] = [];
  const tried: string[] = [];
  let failures = 0;
  for (const { local, remote } of pairs) {
    let port = local;
    const serve = (connection: Socket): void => carry(session, pod, { port, remote }, connection);
    const opened = await listenOnPort(addresses, port, serve, (address, found) => {
      port = found;
      const host = address.includes(':') ? `[${address}]` : address;
      session.context.out(`Forwarding from ${host}:${found} -> ${remote}\n`);
    });
    listeners.push(...opened.listeners);
    tried.push(`{${port} ${remote}}`);
    if (opened.failure === undefined) continue;
    session.context.err(`Unable to listen on port ${port}: ${opened.failure}\n`);
    failures += 1;
  }
  if (failures < pairs.length) return listeners;
  for (const listener of listeners) listener.close();
  throw plain(`unable to listen on any of the requested ports: [${tried.join(' ')}]`);
}

/** Carries one connection over one of its own to the pod. */
function carry(
  { context, kube }: Session,
  { metadata }: Pod,
  { port, remote }: { readonly port: number; readonly remote: number },
  connection: Socket,
): void {
  connection.pause();
  context.out(`Handling connection for ${port}\n`);
  const fail = (text: string): void => {
    context.err(`an error occurred forwarding ${port} -> ${remote}: ${text.trim()}\n`);
    connection.destroy();
  };
  openForward(kube, forwardRequest(metadata, remote))
    .then((socket) => forwardConnection(connection, socket, { port: remote, fail }))
    .catch((error: unknown) => fail(errorMessage(error)));
}
