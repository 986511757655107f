import type { KubeObject } from '../api/object.js';
import { ResourcesDefinition, WatchEventType } from '../gen/apiserver.js';
import type { Options, WatchEvent as WireEvent } from '../gen/apiserver.js';
import type { CallOptions, Channel, Client } from '../lib/grpc/index.js';
import { Code, isGrpcError } from '../lib/grpc/index.js';
import { assertNever } from '../lib/assert.js';
import { errorFromStatus, formatObject, parseObject, resourceRef, toApiError } from './codec.js';
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
import { notLeading } from './types.js';

/** An {@link ApiClient} that also lends its connections to the cluster's other gRPC services. */
export interface GrpcApiClient extends ApiClient {
  readonly servers: Servers;
}

/** A client of all masters; connects when first used. */
export function createApiClient(options: ServersOptions): GrpcApiClient {
  return new GrpcClient(new Servers(options));
}

type Resources = Client<typeof ResourcesDefinition>;

class GrpcClient implements GrpcApiClient {
  readonly servers: Servers;
  readonly #stubs = new WeakMap<Channel, Resources>();

  constructor(servers: Servers) {
    this.servers = servers;
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
      resourceVersion: '',
    };
    const answer = await this.#call(true, options, (stub) => stub.get(request, options));
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
    return this.#call(true, options, async (stub) => {
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
    const answer = await this.#call(false, options, (stub) =>
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
    const answer = await this.#call(guarded, options, (stub) =>
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
    const answer = await this.#call(idempotent, options, (stub) =>
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
    await this.#call(preconditions?.uid !== undefined, options, (stub) =>
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
    try {
      for await (const batch of this.#stub(channel).watch(request, options)) {
        yield batch.events.map((event) => readEvent<T>(event));
      }
    } catch (error) {
      if (isGrpcError(error) && error.code === Code.Unavailable) this.servers.failed(channel);
      throw toApiError(error);
    }
  }

  async #call<T>(
    idempotent: boolean,
    options: CallOptions & Guarded,
    run: (stub: Resources) => Promise<T>,
  ): Promise<T> {
    const { signal, guard } = options;
    const attempt = (channel: Channel): Promise<T> => {
      if (guard?.() === false) throw notLeading();
      return run(this.#stub(channel));
    };
    try {
      return await this.servers.call(attempt, { idempotent, signal });
    } catch (error) {
      throw toApiError(error);
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

function readEvent<T>(event: WireEvent): WatchEvent<T> {
  switch (event.type) {
    case WatchEventType.ADDED:
      return { type: 'ADDED', object: parseObject<T>(event.object) };
    case WatchEventType.MODIFIED:
      return { type: 'MODIFIED', object: parseObject<T>(event.object) };
    case WatchEventType.DELETED:
      return { type: 'DELETED', object: parseObject<T>(event.object) };
    case WatchEventType.BOOKMARK:
      return { type: 'BOOKMARK', resourceVersion: event.resourceVersion };
    case WatchEventType.ERROR:
      throw errorFromStatus(parseObject(event.object));
    default:
      return assertNever(event.type, 'watch event');
  }
}
