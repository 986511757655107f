/** The Kubernetes API over REST in memory: requests of commands against the objects of a fake cluster. */
import { Readable } from 'node:stream';
import type { WebSocket } from 'ws';
import { builtInRegistry } from '../../api/kinds.js';
import type { KindDeclaration } from '../../api/kind.js';
import type { KubeObject } from '../../api/object.js';
import type { ApiClient, PatchType, ResourceId } from '../../client/index.js';
import { ApiError } from '../../client/index.js';
import type { Clock } from '../../lib/clock.js';
import { aggregatedDiscovery } from '../../master/apiserver/discovery/documents.js';
import { ServedGroups } from '../../master/apiserver/discovery/served-groups.js';
import { targetOf } from '../kube/target.js';
import type { KubeAnswer, KubeClient, KubeRequest, KubeUpgrade } from '../kube/types.js';

const kinds = builtInRegistry();
const served = new ServedGroups(kinds, { find: () => undefined, list: () => [] });

/** What a path names. */
interface Place {
  readonly kind: KindDeclaration;
  readonly id: ResourceId;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** Answers of paths that are no objects: logs, reviews, OpenAPI. */
export type ExtraAnswers = Readonly<Record<string, (request: KubeRequest) => unknown>>;

export class FakeKube implements KubeClient {
  readonly namespace: string;
  readonly server = 'https://10.0.0.1:6443';
  readonly #api: ApiClient;
  readonly #clock: Clock;
  readonly #extra: ExtraAnswers;
  /** Every request, in order: `GET /api/v1/pods`. */
  readonly requests: string[] = [];

  constructor(options: {
    readonly api: ApiClient;
    readonly clock: Clock;
    readonly namespace: string;
    readonly extra?: ExtraAnswers;
  }) {
    this.#api = options.api;
    this.#clock = options.clock;
    this.namespace = options.namespace;
    this.#extra = options.extra ?? {};
  }

  async json<T>(request: KubeRequest): Promise<T> {
    return (await this.#answer(request)) as T;
  }

  async raw(request: KubeRequest): Promise<Buffer> {
    const answer = await this.#answer(request);
    return Buffer.from(typeof answer === 'string' ? answer : JSON.stringify(answer));
  }

  async stream(request: KubeRequest): Promise<AsyncIterable<Buffer>> {
    if (request.query?.['watch'] === 'true') return this.#watch(request);
    const body = await this.raw(request);
    return (async function* one() {
      yield body;
    })();
  }

  async exchange(request: KubeRequest): Promise<KubeAnswer> {
    const body = Readable.from([await this.raw(request)]);
    return { code: 200, headers: { 'content-type': 'application/json' }, body };
  }

  upgrade(): Promise<KubeUpgrade> {
    return Promise.reject(new ApiError(501, '', 'no streams here'));
  }

  webSocket(): Promise<WebSocket> {
    return Promise.reject(new ApiError(501, '', 'no streams here'));
  }

  close(): void {
    this.requests.push('close');
  }

  async #answer(request: KubeRequest): Promise<unknown> {
    const { method = 'GET', path } = request;
    this.requests.push(`${method} ${targetOf(request)}`);
    const extra = this.#extra[`${method} ${path}`];
    if (extra !== undefined) return structuredClone(extra(request));
    if (path === '/api') return aggregatedDiscovery(served, 'core', 'v2');
    if (path === '/apis') return aggregatedDiscovery(served, 'groups', 'v2');
    const place = placeOf(path);
    const answer = await this.#perform(method, place, request);
    return (request.accept ?? '').includes('as=Table') ? this.#table(place, answer) : answer;
  }

  async #perform(method: string, place: Place, request: KubeRequest): Promise<unknown> {
    const { id, namespace, name = '' } = place;
    const key = { name, ...(namespace === undefined ? {} : { namespace }) };
    const object = structuredClone(request.body) as KubeObject;
    const dryRun = request.query?.['dryRun'] === 'All';
    switch (method) {
      case 'GET':
        return name === '' ? this.#list(place, request) : this.#api.get(id, key);
      case 'POST':
        return dryRun ? object : this.#api.create(id, object);
      case 'PUT':
        return dryRun ? object : this.#api.update(id, object);
      case 'PATCH': {
        const type = (request.contentType ?? '') as PatchType;
        const force = request.query?.['force'] === 'true';
        return this.#api.patch(id, key, type, patchOf(request.body), { dryRun, force });
      }
      case 'DELETE': {
        const found = await this.#api.get(id, key);
        if (!dryRun) await this.#api.delete(id, key, request.body ?? {});
        return found;
      }
      default:
        throw new ApiError(405, 'MethodNotAllowed', `${method} is not known here`);
    }
  }

  async #list(place: Place, { query = {} }: KubeRequest): Promise<unknown> {
    const [labelSelector, fieldSelector] = ['labelSelector', 'fieldSelector'].map((name) =>
      query[name] === undefined ? undefined : String(query[name]),
    );
    const { items, resourceVersion } = await this.#api.list<KubeObject>(place.id, {
      ...(place.namespace === undefined ? {} : { namespace: place.namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    });
    const { group, version, listKind } = place.kind;
    const apiVersion = group === '' ? version : `${group}/${version}`;
    return { apiVersion, kind: listKind, metadata: { resourceVersion }, items };
  }

  #table(place: Place, answer: unknown): unknown {
    const { items, metadata } = answer as KubeObject & { items?: KubeObject[] };
    const objects = items ?? [answer as KubeObject];
    const { columns } = place.kind;
    const nowMs = this.#clock.nowMs();
    return {
      kind: 'Table',
      metadata: { resourceVersion: metadata.resourceVersion },
      columnDefinitions: columns.map(({ name, type, priority }) => ({ name, type, priority })),
      rows: objects.map((object) => ({
        cells: columns.map((column) => column.cell(object, nowMs)),
        object,
      })),
    };
  }

  async *#watch(request: KubeRequest): AsyncGenerator<Buffer> {
    this.requests.push(`WATCH ${targetOf(request)}`);
    const place = placeOf(request.path);
    const events = this.#api.watch<KubeObject>(place.id, {
      ...(place.namespace === undefined ? {} : { namespace: place.namespace }),
      resourceVersion: String(request.query?.['resourceVersion'] ?? ''),
    });
    const asTable = (request.accept ?? '').includes('as=Table');
    for await (const batch of events) {
      for (const event of batch) {
        if (event.type === 'BOOKMARK') continue;
        const object = asTable ? this.#table(place, event.object) : event.object;
        yield Buffer.from(`${JSON.stringify({ type: event.type, object })}\n`);
      }
    }
  }
}

function patchOf(body: unknown): unknown {
  return typeof body === 'string' || Buffer.isBuffer(body) ? JSON.parse(body.toString()) : body;
}

/** @throws ApiError for a path that names no resource */
function placeOf(path: string): Place {
  const parts = path.split('/').slice(1).map(decodeURIComponent);
  const group = parts[0] === 'apis' ? (parts[1] ?? '') : '';
  const [version = '', ...rest] = parts.slice(parts[0] === 'apis' ? 2 : 1);
  const isPlaced = rest[0] === 'namespaces' && rest.length > 2;
  const [plural = '', name, subresource] = isPlaced ? rest.slice(2) : rest;
  const kind = kinds.byResource(group, version, plural);
  if (kind === undefined) {
    throw new ApiError(404, 'NotFound', 'the server could not find the requested resource');
  }
  const namespace = isPlaced ? rest[1] : undefined;
  return { kind, id: { group, version, resource: plural }, namespace, name, subresource };
}
