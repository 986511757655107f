/**
 * `pods/<name>/proxy`, `services/<name>/proxy` and `nodes/<name>/proxy`: plain HTTP through the node's agent, so that the
 * API server needs no route into the pod network.
 */
import * as http from 'node:http';
import type { KubeObject } from '../../../api/object.js';
import type { KindRegistry } from '../../../api/registry.js';
import type { Objects } from '../registry/objects.js';
import type { RequestContext } from '../registry/types.js';
import { readBody } from '../rest/body.js';
import type { Exchange, HeaderMap } from '../rest/exchange.js';
import { drained, end, write, writeHead } from '../rest/exchange.js';
import { sendBytes } from '../rest/respond.js';
import { badRequest, noSuchResource, unavailable } from '../status.js';
import { agentSocket } from './agent-socket.js';
import type { NodeAgents } from './node-agents.js';
import { findContainer } from './pod-container.js';

export interface ProxyDeps {
  readonly objects: Objects;
  readonly agents: NodeAgents;
  readonly kinds: KindRegistry;
}

/** A pod and a port in it. */
interface Backend {
  readonly pod: string;
  readonly port: number;
}

/** `[scheme:]name[:port]`. */
function splitName(text: string): { name: string; port: string } {
  const parts = text.split(':');
  if (parts.length === 3) return { name: parts[1] ?? '', port: parts[2] ?? '' };
  return { name: parts[0] ?? '', port: parts[1] ?? '' };
}

/** Serves a proxied request of a pod or a service. */
export async function serveProxy(
  exchange: Exchange,
  context: RequestContext,
  deps: ProxyDeps,
): Promise<void> {
  const { kind, namespace } = context.target;
  const { name, port } = splitName(context.target.name);
  const backend =
    kind.plural === 'services'
      ? await serviceBackend(deps, { namespace, name, port })
      : podBackend(deps, { namespace, name, port });
  const pods = deps.kinds.byResource('', 'v1', 'pods');
  if (pods === undefined) throw noSuchResource();
  const target = { kind: pods, namespace, name: backend.pod };
  const found = await findContainer(deps.objects, target, '', false);
  const socket = agentSocket(deps.agents.forNode(found.node), found.ref, backend.port);
  await forward(exchange, backend, () => socket);
}

/** `nodes/<name>/proxy/stats/summary`; nothing else is offered by our nodes. */
export async function serveNodeProxy(
  exchange: Exchange,
  context: RequestContext,
  deps: ProxyDeps,
): Promise<void> {
  const path = exchange.info.parts.slice(3).join('/');
  if (path !== 'stats/summary') throw noSuchResource();
  const { name } = splitName(context.target.name);
  const { summary } = await deps.agents.forNode(name).stats({});
  await sendBytes(exchange, 200, summary, 'application/json');
}

interface PodObject extends KubeObject {
  spec?: { containers?: { ports?: { name?: string; containerPort: number }[] }[] };
}

interface Wanted {
  readonly namespace: string;
  readonly name: string;
  readonly port: string;
}

function podBackend(deps: ProxyDeps, wanted: Wanted): Backend {
  const { name, port } = wanted;
  const pod: PodObject | undefined = deps.objects.mirror
    .cache('pods')
    .get(`${wanted.namespace}/${name}`)
    ?.parse();
  const ports = pod?.spec?.containers?.flatMap((container) => container.ports ?? []) ?? [];
  const number =
    port === ''
      ? (ports[0]?.containerPort ?? 80)
      : /^\d+$/.test(port)
        ? Number(port)
        : ports.find((candidate) => candidate.name === port)?.containerPort;
  if (number === undefined)
    throw badRequest(`no port named ${JSON.stringify(port)} in pod ${name}`);
  return { pod: name, port: number };
}

interface ServicePort {
  readonly name?: string;
  readonly port: number;
}

interface Service extends KubeObject {
  spec?: { ports?: readonly ServicePort[] };
}

interface Slice extends KubeObject {
  endpoints?: { conditions?: { ready?: boolean }; targetRef?: { kind?: string; name?: string } }[];
  ports?: { name?: string; port?: number }[];
}

async function serviceBackend(deps: ProxyDeps, wanted: Wanted): Promise<Backend> {
  const { namespace, name, port } = wanted;
  const kind = deps.kinds.byResource('', 'v1', 'services');
  if (kind === undefined) throw noSuchResource();
  const entry = await deps.objects.get({ kind, namespace, name });
  const service: Service = entry.parse();
  const ports = service.spec?.ports ?? [];
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
  for (const candidate of deps.objects.mirror
    .cache('discovery.k8s.io/endpointslices')
    .list(namespace)) {
    const slice: Slice = candidate.object();
    if (slice.metadata.labels?.['kubernetes.io/service-name'] !== name) continue;
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

/** Headers of one connection only (RFC 9110 §7.6.1), and those that must not reach a pod. */
const dropped = new Set([
  'authorization',
  'connection',
  'content-length',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function endToEnd(headers: NodeJS.Dict<string | string[]>): HeaderMap {
  const kept: HeaderMap = {};
  for (const [name, value] of Object.entries(headers)) {
    const special = dropped.has(name) || name.startsWith(':') || name.startsWith('impersonate-');
    if (!special && value !== undefined) kept[name] = value;
  }
  return kept;
}

async function forward(
  exchange: Exchange,
  backend: Backend,
  connect: () => ReturnType<typeof agentSocket>,
): Promise<void> {
  const body = await readBody(exchange);
  const rest = exchange.info.parts.slice(3).map(encodeURIComponent).join('/');
  const slash = exchange.info.path.endsWith('/') && rest !== '' ? '/' : '';
  const query = exchange.query.size === 0 ? '' : `?${exchange.query.toString()}`;
  const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
    const request = http.request({
      method: exchange.method,
      path: `/${rest}${slash}${query}`,
      headers: {
        ...endToEnd(exchange.request.headers),
        host: `${backend.pod}:${backend.port}`,
        connection: 'close',
        ...(body.length > 0 ? { 'content-length': body.length } : {}),
      },
      createConnection: connect,
      signal: exchange.signal,
    });
    request.once('response', resolve);
    request.once('error', (error) => {
      reject(unavailable(`error trying to reach service: ${error.message}`));
    });
    request.end(body);
  });
  const { response } = exchange;
  writeHead(response, answer.statusCode ?? 502, endToEnd(answer.headers));
  for await (const chunk of answer) {
    if (!write(response, chunk as Buffer)) await drained(response);
  }
  end(response);
}
