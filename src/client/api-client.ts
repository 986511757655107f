import type { KubeObject } from '../api/object.js';
import { ResourcesDefinition, WatchEventType } from '../gen/apiserver.js';
import type { Options, WatchEvent as WireEvent } from '../gen/apiserver.js';
import type { CallOptions, Channel, Client } from '../lib/grpc/index.js';
import { Code, isGrpcError } from '../lib/grpc/index.js';
import { assertNever } from '../lib/assert.js';
import {
  errorFromStatus,
  formatObject,
  parseObject,
  resourceRef,
  statusTrailer,
  toApiError,
} from './codec.js';
import type { ObjectReader } from './object-reader.js';
import type { ServersOptions } from './servers.js';
import { Servers } from './servers.js';
import type {
  ApiClient,
  DeleteOptions,
  GetOptions,
  Guarded,
  ListOptions,
  ObjectKey,
  PatchType,
  ResourceId,
  WatchEvent,
  WriteOptions,
} from './types.js';
import { isApiError, notLeading } from './types.js';

/** An {@link ApiClient} that also lends its connections to the cluster's other gRPC services. */
export interface GrpcApiClient extends ApiClient {
  readonly servers: Servers;
}

/** The methods of HTTP that requests stand for: by them callers are counted, whatever carries them. */
export type ClientMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A request that a master has answered, or has not. */
export interface FinishedCall {
  readonly method: ClientMethod;
  /** `host:port` of the master. */
  readonly host: string;
  /** The status of the answer; undefined: no master answered. */
  readonly code: number | undefined;
  /** Undefined for a watch, which has begun. */
  readonly elapsedMs: number | undefined;
}

/** The masters of a client, and who is told of its requests. */
export interface ApiClientOptions extends ServersOptions {
  /** @default nobody */
  readonly onCall?: (call: FinishedCall) => void;
  /** Reads what watches bring, without managed fields; clients of one program may share it. @default all is read */
  readonly reader?: ObjectReader;
}

/** A client of all masters; connects when first used. */
export function createApiClient(options: ApiClientOptions): GrpcApiClient {
  return new GrpcClient(new Servers(options), options);
}

type Resources = Client<typeof ResourcesDefinition>;

type GrpcClientOptions = Pick<ApiClientOptions, 'clock' | 'onCall' | 'reader'>;

class GrpcClient implements GrpcApiClient {
  readonly servers: Servers;
  readonly #options: GrpcClientOptions;
  readonly #stubs = new WeakMap<Channel, Resources>();

  constructor(servers: Servers, options: GrpcClientOptions) {
    this.servers = servers;
    this.#options = options;
  }

  close(): void {
    this.servers.close();
  }

  async get<T extends KubeObject>(
    resource: ResourceId,
    key: ObjectKey,
    options: GetOptions = {},
  ): Promise<T> {
    const request = {
      ref: resourceRef(resource, key, options.subresource),
      resourceVersion: options.resourceVersion ?? '',
    };
    const answer = await this.#call('GET', true, options, (stub) => stub.get(request, options));
    return parseObject<T>(answer.object);
  }

  list<T extends KubeObject>(
    resource: ResourceId,
    options: ListOptions = {},
  ): Promise<{ items: T[]; resourceVersion: string; continue: string }> {
    const request = {
      ...selection(resource, options),
      resourceVersionMatch: '',
      limit: options.limit ?? 0,
      continue: options.continue ?? '',
    };
    return this.#call('GET', true, options, async (stub) => {
      const items: T[] = [];
      let last = { resourceVersion: '', continue: '' };
      for await (const chunk of stub.list(request, options)) {
        for (const bytes of chunk.objects) items.push(parseObject<T>(bytes));
        last = chunk;
      }
      return { items, resourceVersion: last.resourceVersion, continue: last.continue };
    });
  }

  async create<T extends KubeObject>(
    resource: ResourceId,
    object: T,
    options: WriteOptions & { readonly name?: string } = {},
  ): Promise<T> {
    const { namespace } = object.metadata;
    const name = options.subresource === undefined ? '' : (options.name ?? object.metadata.name);
    const answer = await this.#call('POST', false, options, (stub) =>
      stub.create(
        {
          ref: resourceRef(resource, { ...namespaced(namespace), name }, options.subresource),
          object: formatObject(object),
          options: writeOptions(options),
        },
        options,
      ),
    );
    return parseObject<T>(answer.object);
  }

  async update<T extends KubeObject>(
    resource: ResourceId,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    // An update that carries a resourceVersion happens at most once, so it may be sent again.
    const guarded = object.metadata.resourceVersion !== undefined;
    const answer = await this.#call('PUT', guarded, options, (stub) =>
      stub.update(
        {
          ref: resourceRef(resource, object.metadata, options.subresource),
          object: formatObject(object),
          options: writeOptions(options),
        },
        options,
      ),
    );
    return parseObject<T>(answer.object);
  }

  updateStatus<T extends KubeObject>(
    resource: ResourceId,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.update(resource, object, { ...options, subresource: 'status' });
  }

  async patch<T extends KubeObject>(
    resource: ResourceId,
    key: ObjectKey,
    type: PatchType,
    patch: unknown,
    options: WriteOptions & { readonly force?: boolean } = {},
  ): Promise<T> {
    const idempotent = type !== 'application/json-patch+json';
    const answer = await this.#call('PATCH', idempotent, options, (stub) =>
      stub.patch(
        {
          ref: resourceRef(resource, key, options.subresource),
          patchType: type,
          patch: formatObject(patch),
          force: options.force ?? false,
          options: writeOptions(options),
        },
        options,
      ),
    );
    return parseObject<T>(answer.object);
  }

  async delete(resource: ResourceId, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    const { gracePeriodSeconds, propagationPolicy, preconditions } = options;
    const body = { gracePeriodSeconds, propagationPolicy, preconditions };
    await this.#call('DELETE', preconditions?.uid !== undefined, options, (stub) =>
      stub.delete(
        {
          ref: resourceRef(resource, key),
          deleteOptions: formatObject(body),
          labelSelector: '',
          fieldSelector: '',
          options: writeOptions({}),
        },
        options,
      ),
    );
  }

  async *watch<T extends KubeObject>(
    resource: ResourceId,
    options: ListOptions & { readonly allowBookmarks?: boolean },
  ): AsyncGenerator<readonly WatchEvent<T>[]> {
    const channel = this.servers.channel();
    const request = {
      ...selection(resource, options),
      allowBookmarks: options.allowBookmarks ?? true,
    };
    const { onCall, reader } = this.#options;
    const call = { method: 'GET', host: channel.target, elapsedMs: undefined } as const;
    let hasBegun = false;
    try {
      for await (const batch of this.#stub(channel).watch(request, options)) {
        if (!hasBegun) onCall?.({ ...call, code: 200 });
        hasBegun = true;
        yield batch.events.map((event) => readEvent<T>(event, reader));
      }
    } catch (error) {
      if (!hasBegun) onCall?.({ ...call, code: codeOf(error) });
      if (isGrpcError(error) && error.code === Code.Unavailable) this.servers.failed(channel);
      throw toApiError(error);
    }
  }

  async #call<T>(
    method: ClientMethod,
    idempotent: boolean,
    options: CallOptions & Guarded,
    run: (stub: Resources) => Promise<T>,
  ): Promise<T> {
    const { signal, guard } = options;
    const attempt = (channel: Channel): Promise<T> => {
      if (guard?.() === false) throw notLeading();
      return this.#told({ method, host: channel.target }, () => run(this.#stub(channel)));
    };
    try {
      return await this.servers.call(attempt, { idempotent, signal });
    } catch (error) {
      throw toApiError(error);
    }
  }

  /** Tells how an attempt ended. */
  async #told<T>(call: Pick<FinishedCall, 'method' | 'host'>, run: () => Promise<T>): Promise<T> {
    const { clock, onCall } = this.#options;
    if (onCall === undefined) return run();
    const startedMs = clock.monotonicMs();
    const tell = (code: number | undefined): void =>
      onCall({ ...call, code, elapsedMs: clock.monotonicMs() - startedMs });
    try {
      const answer = await run();
      tell(call.method === 'POST' ? 201 : 200);
      return answer;
    } catch (error) {
      tell(codeOf(error));
      throw error;
    }
  }

  #stub(channel: Channel): Resources {
    let stub = this.#stubs.get(channel);
    if (stub === undefined) {
      stub = channel.client(ResourcesDefinition);
      this.#stubs.set(channel, stub);
    }
    return stub;
  }
}

/** The status of a refusal; undefined where it is not the API server's. */
function codeOf(error: unknown): number | undefined {
  if (!isGrpcError(error) || !error.metadata.has(statusTrailer)) return undefined;
  const refusal = toApiError(error);
  return isApiError(refusal) ? refusal.code : undefined;
}

function namespaced(namespace: string | undefined): { namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}

function selection(
  resource: ResourceId,
  options: ListOptions,
): {
  ref: ReturnType<typeof resourceRef>;
  labelSelector: string;
  fieldSelector: string;
  resourceVersion: string;
} {
  return {
    ref: resourceRef(resource, namespaced(options.namespace)),
    labelSelector: options.labelSelector ?? '',
    fieldSelector: options.fieldSelector ?? '',
    resourceVersion: options.resourceVersion ?? '',
  };
}

function writeOptions(options: WriteOptions): Options {
  return {
    dryRun: options.dryRun ?? false,
    fieldManager: options.fieldManager ?? '',
    fieldValidation: '',
  };
}

function readEvent<T>(event: WireEvent, reader: ObjectReader | undefined): WatchEvent<T> {
  const { object: bytes } = event;
  const object = (): T => (reader === undefined ? parseObject<T>(bytes) : reader.read<T>(bytes));
  switch (event.type) {
    case WatchEventType.ADDED:
      return { type: 'ADDED', object: object() };
    case WatchEventType.MODIFIED:
      return { type: 'MODIFIED', object: object() };
    case WatchEventType.DELETED:
      return { type: 'DELETED', object: object() };
    case WatchEventType.BOOKMARK:
      return { type: 'BOOKMARK', resourceVersion: event.resourceVersion };
    case WatchEventType.ERROR:
      throw errorFromStatus(parseObject(bytes));
    default:
      return assertNever(event.type, 'watch event');
  }
}
