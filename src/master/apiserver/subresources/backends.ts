/** Finds what a proxied request of a pod, a service or a node leads to, as Kubernetes' `ResourceLocation` does. */
import * as dns from 'node:dns';
import * as net from 'node:net';
import * as tls from 'node:tls';
import type { Duplex } from 'node:stream';
import { objectKey } from '../../../api/facts/keys.js';
import { serviceNameLabel } from '../../../api/facts/well-known.js';
import type { KindRegistry } from '../../../api/registry.js';
import type { Pod, Service } from '../../../api/types/core.js';
import type { EndpointSlice } from '../../../api/types/networking.js';
import { endpointIpErrors, nonSpecialIpErrors } from '../../../api/validation/addresses.js';
import type { Objects } from '../registry/objects.js';
import type { Target } from '../registry/types.js';
import { badRequest, noSuchResource, unavailable } from '../status.js';
import { agentSocket } from './agent-socket.js';
import type { NodeAgents } from './node-agents.js';
import { findContainer } from './pod-container.js';

/** The objects and connections by which a backend is found and reached. */
export interface BackendDeps {
  readonly objects: Objects;
  readonly agents: NodeAgents;
  readonly kinds: KindRegistry;
}

/** A server to pass requests on to. */
export interface Backend {
  /** Its address, as it stands in links of its answers. */
  readonly host: string;
  /** A connection to it, with TLS where it is asked for that. */
  readonly connect: () => Duplex;
}

/** A proxied name in parts. */
export interface ProxiedName {
  readonly scheme: 'http' | 'https';
  readonly name: string;
  /** A number, a name, or empty. */
  readonly port: string;
}

/** Reads `name`, `name:port` or `scheme:name:port`; undefined for anything else. */
export function splitProxiedName(text: string): ProxiedName | undefined {
  const parts = text.split(':');
  const [scheme = '', name = '', port = ''] =
    parts.length === 3 ? parts : ['', ...parts.slice(0, 2)];
  if (parts.length > 3 || name === '' || !['', 'http', 'https'].includes(scheme)) return undefined;
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port };
}

/** @throws StatusError NotFound, BadRequest, ServiceUnavailable */
export async function findBackend(deps: BackendDeps, target: Target): Promise<Backend> {
  const { plural, singular } = target.kind;
  const wanted = splitProxiedName(target.name);
  if (wanted === undefined) {
    throw badRequest(`invalid ${singular} request ${JSON.stringify(target.name)}`);
  }
  if (plural === 'nodes') return nodeBackend(deps.agents, wanted);
  const { namespace } = target;
  if (plural === 'pods') return podBackend(deps, { ...wanted, namespace });
  const { pod, port } = await serviceBackend(deps, { ...wanted, namespace }, target.name);
  return podBackend(deps, { ...wanted, namespace, name: pod, port: String(port) });
}

type Wanted = ProxiedName & { readonly namespace: string };

/**
 * The node's agent, unless another port is asked for: to the agent this server shows its certificate, and knows it by
 * the node's. Any other port is nobody's in particular, and a node writes its address itself: it may not be one that
 * leads back to this machine or its link (`IsProxyableHostname`). @throws StatusError BadRequest
 */
function nodeBackend(agents: NodeAgents, { scheme, name, port }: ProxiedName): Backend {
  const address = agents.address(name);
  const host = (number: string): string => joinHostPort(address.host, number);
  if (port === '' || port === String(address.port)) {
    return { host: host(String(address.port)), connect: () => agents.dial(name) };
  }
  const number = portNumber(port);
  if (net.isIP(address.host) !== 0 && isSpecial(address.host)) throw badRequest(notAllowed);
  const open = (): Duplex =>
    net.connect({ host: address.host, port: number, lookup: lookupChecked });
  return { host: host(port), connect: scheme === 'https' ? () => secured(open()) : open };
}

/**
 * A pod, through its node. Its certificate is anybody's, as in Kubernetes: nobody has told this server what a pod's
 * should be.
 */
async function podBackend(deps: BackendDeps, wanted: Wanted): Promise<Backend> {
  const { objects, agents, kinds } = deps;
  const { namespace, name, scheme } = wanted;
  const kind = kinds.byResource('', 'v1', 'pods');
  if (kind === undefined) throw noSuchResource();
  const found = await findContainer(objects, { kind, namespace, name }, '', false);
  const pod = podOf(objects, wanted);
  const address = checkedAddress(pod);
  const port = podPort(pod, wanted);
  const agent = agents.forNode(found.node);
  const open = (): Duplex => agentSocket(agent, found.ref, port);
  return {
    host: joinHostPort(address, String(port)),
    connect: scheme === 'https' ? () => secured(open()) : open,
  };
}

const notAllowed = 'address not allowed';

function isSpecial(address: string): boolean {
  return nonSpecialIpErrors(address).length > 0;
}

/** Looks a name up, and refuses an address that it may not have: what is checked here is what is gone to. */
const lookupChecked: net.LookupFunction = (hostname, options, done) => {
  dns.lookup(hostname, options, (error, found, family) => {
    const addresses = typeof found === 'string' ? [found] : (found ?? []).map((one) => one.address);
    const refusal = addresses.some(isSpecial) ? new Error(notAllowed) : undefined;
    done(error ?? refusal ?? null, found, family);
  });
};

/**
 * TLS to a server that nobody is named for: as kube-apiserver's `ProxyTLSClientConfig`, with which its proxy goes to
 * pods, services and other ports of nodes over https. No credentials go there.
 */
function secured(socket: Duplex): Duplex {
  return tls.connect({ socket, rejectUnauthorized: false });
}

function podOf(objects: Objects, { namespace, name }: Wanted): Pod | undefined {
  return objects.watchCache.cache('pods').get(objectKey({ namespace, name }))?.parse<Pod>();
}

/** The asked-for port; without one the first that the pod declares, and else the scheme's. */
function podPort(pod: Pod | undefined, { port, scheme }: Wanted): number {
  const ports = pod?.spec.containers.flatMap((container) => container.ports ?? []) ?? [];
  if (port === '') return ports[0]?.containerPort ?? (scheme === 'https' ? 443 : 80);
  const named = ports.find((candidate) => candidate.name === port)?.containerPort;
  return named ?? portNumber(port);
}

/** @throws StatusError with what Go's dialer says of such a port */
function portNumber(port: string): number {
  const why = !/^\d+$/.test(port)
    ? `lookup tcp/${port}: unknown port`
    : Number(port) > 65_535
      ? `address ${port}: invalid port`
      : undefined;
  if (why === undefined) return Number(port);
  throw unavailable(`error trying to reach service: dial tcp: ${why}`);
}

/**
 * The address in the pod's status, although the node dials the one that it gave the pod: it must be valid, and the
 * loopback only where that is the node's own address. @throws StatusError BadRequest
 */
function checkedAddress(pod: Pod | undefined): string {
  const { podIP = '', hostIP } = pod?.status ?? {};
  const problems = podIP === hostIP ? endpointIpErrors(podIP) : nonSpecialIpErrors(podIP);
  if (problems.length > 0) throw badRequest(notAllowed);
  return podIP;
}

function joinHostPort(host: string, port: string): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** One of the ready pods, by chance. @param id the name as it was asked for */
async function serviceBackend(
  { objects, kinds }: BackendDeps,
  { namespace, name, port }: Wanted,
  id: string,
): Promise<{ readonly pod: string; readonly port: number }> {
  const kind = kinds.byResource('', 'v1', 'services');
  if (kind === undefined) throw noSuchResource();
  const { spec } = (await objects.get({ kind, namespace, name })).parse<Service>();
  const shown = JSON.stringify(name);
  let portName = port;
  if (/^[+-]?\d+$/.test(port)) {
    const chosen = spec.ports?.find((candidate) => candidate.port === Number(port));
    if (chosen === undefined) {
      throw unavailable(`no service port ${Number(port)} found for service ${shown}`);
    }
    portName = chosen.name ?? '';
  }
  const slices = objects.watchCache.cache('discovery.k8s.io/endpointslices').list(namespace);
  const ready = [...slices]
    .map((entry) => entry.object<EndpointSlice>())
    .filter(({ metadata }) => metadata.labels?.[serviceNameLabel] === name)
    .flatMap((slice) => {
      const number = slice.ports?.find((item) => (item.name ?? '') === portName)?.port;
      return number === undefined ? [] : readyPods(slice).map((pod) => ({ pod, port: number }));
    });
  const chosen = ready[ready.length < 2 ? 0 : objects.random.below(ready.length)];
  if (chosen !== undefined) return chosen;
  throw unavailable(`no endpoints available for service ${JSON.stringify(id)}`);
}

/** Only pods are gone to: any other address could be anybody's. */
function readyPods({ endpoints }: EndpointSlice): string[] {
  return (endpoints ?? []).flatMap(({ conditions, targetRef }) => {
    const pod = targetRef?.kind === 'Pod' ? targetRef.name : undefined;
    return pod === undefined || conditions?.ready === false ? [] : [pod];
  });
}
