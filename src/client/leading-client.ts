import type { KubeObject } from '../api/object.js';
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
import type { CallOptions } from '../lib/grpc/types.js';

/** The state of a leadership, as its holder knows it. */
export interface Leadership {
  /** Aborts when it is over. */
  readonly signal: AbortSignal;
  /**
   * False once the lease may have passed to another. Asks the clock, so it is right also in a process that stood still
   * and has not come to look at its lease yet.
   */
  holds(): boolean;
}

/**
 * The client of a component that leads: it sends no write that may meet those of the next leader, and gives up the
 * calls that are under way when leadership ends. Without it a process that stood still, or a reconcile that had begun,
 * goes on beside the next leader.
 */
export class LeadingClient implements ApiClient {
  readonly #client: ApiClient;
  readonly #leadership: Leadership;

  constructor(client: ApiClient, leadership: Leadership) {
    this.#client = client;
    this.#leadership = leadership;
  }

  get<T extends KubeObject>(
    resource: ResourceId,
    key: ObjectKey,
    options?: GetOptions,
  ): Promise<T> {
    return this.#client.get<T>(resource, key, this.#ending(options));
  }

  list<T extends KubeObject>(
    resource: ResourceId,
    options?: ListOptions,
  ): Promise<{ items: T[]; resourceVersion: string; continue: string }> {
    return this.#client.list<T>(resource, this.#ending(options));
  }

  create<T extends KubeObject>(
    resource: ResourceId,
    object: T,
    options?: WriteOptions & { readonly name?: string },
  ): Promise<T> {
    return this.#client.create<T>(resource, object, this.#fenced(options));
  }

  update<T extends KubeObject>(
    resource: ResourceId,
    object: T,
    options?: WriteOptions,
  ): Promise<T> {
    return this.#client.update<T>(resource, object, this.#fenced(options));
  }

  updateStatus<T extends KubeObject>(
    resource: ResourceId,
    object: T,
    options?: WriteOptions,
  ): Promise<T> {
    return this.#client.updateStatus<T>(resource, object, this.#fenced(options));
  }

  patch<T extends KubeObject>(
    resource: ResourceId,
    key: ObjectKey,
    type: PatchType,
    patch: unknown,
    options?: WriteOptions & { readonly force?: boolean },
  ): Promise<T> {
    return this.#client.patch<T>(resource, key, type, patch, this.#fenced(options));
  }

  delete(resource: ResourceId, key: ObjectKey, options?: DeleteOptions): Promise<void> {
    return this.#client.delete(resource, key, this.#fenced(options));
  }

  watch<T extends KubeObject>(
    resource: ResourceId,
    options: ListOptions & { readonly allowBookmarks?: boolean },
  ): AsyncIterable<readonly WatchEvent<T>[]> {
    return this.#client.watch<T>(resource, options);
  }

  close(): void {
    this.#client.close();
  }

  #ending<O extends CallOptions>(options: O | undefined): O & CallOptions {
    return { signal: this.#leadership.signal, ...options } as O & CallOptions;
  }

  #fenced<O extends CallOptions>(options: O | undefined): O & CallOptions & Guarded {
    return { ...this.#ending(options), guard: () => this.#leadership.holds() };
  }
}
