import type { KubeObject } from '../api/object.js';
import type { CallOptions } from '../lib/grpc/types.js';

/** The name of a resource: `{group: 'apps', resource: 'deployments'}`; the version defaults to the preferred one. */
export interface ResourceId {
  readonly group: string;
  readonly version?: string;
  readonly resource: string;
}

/** The name of an object of a resource; `namespace` is absent for cluster-scoped ones. */
export interface ObjectKey {
  readonly namespace?: string;
  readonly name: string;
}

/** The selection and the revision of a list or a watch. */
export interface ListOptions extends CallOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  readonly limit?: number;
  readonly continue?: string;
}

/** A write that may be sent only while something holds. */
export interface Guarded {
  /** Asked before each attempt; false: the write is not sent, and fails with the reason `NotLeading`. */
  readonly guard?: () => boolean;
}

/** The options of a write. */
export interface WriteOptions extends CallOptions, Guarded {
  readonly fieldManager?: string;
  readonly dryRun?: boolean;
  /** "status", "scale", "binding", "eviction", … */
  readonly subresource?: string;
}

/** The options of reading an object. */
export interface GetOptions extends CallOptions {
  /** "scale", "status". */
  readonly subresource?: string;
  /** "0": as the API server has it, which may be a little old; the store is not asked. @default what holds now */
  readonly resourceVersion?: string;
}

/** The four forms of a patch. */
export type PatchType =
  | 'application/json-patch+json'
  | 'application/merge-patch+json'
  | 'application/strategic-merge-patch+json'
  | 'application/apply-patch+yaml';

/** The options of a deletion. */
export interface DeleteOptions extends CallOptions, Guarded {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/**
 * The refusal of a request by the API server: the fields of a Kubernetes `Status`. `definite` false: the outcome is
 * unknown (deadline, broken connection).
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: number;
  /** "NotFound", "AlreadyExists", "Conflict", "Invalid", "Forbidden", "Expired", "ServiceUnavailable", … */
  readonly reason: string;
  readonly definite: boolean;
  readonly details: unknown;

  constructor(
    code: number,
    reason: string,
    message: string,
    options: {
      readonly definite?: boolean;
      readonly details?: unknown;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = reason;
    this.definite = options.definite ?? true;
    this.details = options.details;
  }
}

/** A guarded write was not sent: its guard does not hold. */
export function notLeading(): ApiError {
  return new ApiError(503, 'NotLeading', 'the lease may have passed to another');
}

/** True for an {@link ApiError}, of `reason` if one is given. */
export function isApiError(error: unknown, reason?: string): error is ApiError {
  return (
    error instanceof Error &&
    error.name === 'ApiError' &&
    (reason === undefined || (error as ApiError).reason === reason)
  );
}

/** Tells whether the API server named this cause of its refusal (client-go `HasStatusCause`). */
export function hasStatusCause(error: unknown, cause: string): error is ApiError {
  if (!isApiError(error)) return false;
  const details = error.details as { causes?: { reason?: string }[] } | null | undefined;
  return details?.causes?.some(({ reason }) => reason === cause) === true;
}

/** The cause of refusals in a namespace that ends: it takes nothing new, and what is in it goes. */
export const namespaceTerminating = 'NamespaceTerminating';

/** One event of a watch. */
export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/**
 * The API server's objects, over gRPC with fail-over between masters: reads and idempotent calls are retried on another
 * master within the deadline; a write whose outcome is unknown is not repeated but thrown with `definite: false`.
 */
export interface ApiClient {
  get<T extends KubeObject>(resource: ResourceId, key: ObjectKey, options?: GetOptions): Promise<T>;
  list<T extends KubeObject>(
    resource: ResourceId,
    options?: ListOptions,
  ): Promise<{ items: T[]; resourceVersion: string; continue: string }>;
  create<T extends KubeObject>(
    resource: ResourceId,
    object: T,
    options?: WriteOptions & { readonly name?: string },
  ): Promise<T>;
  update<T extends KubeObject>(resource: ResourceId, object: T, options?: WriteOptions): Promise<T>;
  /** As `update`, on the status subresource. */
  updateStatus<T extends KubeObject>(
    resource: ResourceId,
    object: T,
    options?: WriteOptions,
  ): Promise<T>;
  patch<T extends KubeObject>(
    resource: ResourceId,
    key: ObjectKey,
    type: PatchType,
    patch: unknown,
    options?: WriteOptions & { readonly force?: boolean },
  ): Promise<T>;
  delete(resource: ResourceId, key: ObjectKey, options?: DeleteOptions): Promise<void>;
  /**
   * Events from `resourceVersion` on ("" = state first). Ends by throwing; 410 `Expired` means list again. The objects
   * are shared, never change one, and have no managed fields: an update without them leaves those of the server alone.
   */
  watch<T extends KubeObject>(
    resource: ResourceId,
    options: ListOptions & { readonly allowBookmarks?: boolean },
  ): AsyncIterable<readonly WatchEvent<T>[]>;
  close(): void;
}

/**
 * The present objects of one resource, kept by list and watch, shared by all who ask the same factory. Objects are
 * shared too: never change one that came from here.
 */
export interface Informer<T extends KubeObject> {
  readonly resource: ResourceId;
  /** False until the first whole list has arrived. */
  readonly synced: boolean;
  /** Why the watch does not work at present; undefined while it does, or has not failed yet. */
  readonly problem: string | undefined;
  /** Resolves when `synced`; rejects when `signal` aborts before. */
  whenSynced(signal?: AbortSignal): Promise<void>;
  get(key: ObjectKey): T | undefined;
  /** All, or those of a namespace. */
  list(namespace?: string): T[];
  /** Objects for which the index function named `index` gave `value`. */
  byIndex(index: string, value: string): T[];
  /** Adds an index; objects already present are indexed at once. Adding a name again is harmless. */
  addIndex(index: string, values: (object: T) => readonly string[]): void;
  /**
   * Called in order for every change; at registration once per present object as an add.
   * @returns a function that ends it
   */
  onChange(handler: (change: Change<T>) => void): () => void;
}

/** One change in an informer's memory. */
export type Change<T> =
  | { readonly type: 'add'; readonly object: T }
  | { readonly type: 'update'; readonly object: T; readonly old: T }
  | { readonly type: 'delete'; readonly object: T };

/** Makes one informer for each resource, and starts and stops all of them. */
export interface InformerFactory {
  /** The one informer of that resource and those selectors; starts it when it is new. */
  informer<T extends KubeObject>(
    resource: ResourceId,
    options?: {
      readonly namespace?: string;
      readonly fieldSelector?: string;
      readonly labelSelector?: string;
    },
  ): Informer<T>;
  /**
   * Resolves when every informer asked for so far is synced; rejects when `signal` aborts. For programs whose parts all
   * need each other's informers; where one that fails must not hold up the rest, wait for those that are needed
   * (`whenSynced`).
   */
  waitForSync(signal?: AbortSignal): Promise<void>;
  /** Ends the watch of an informer that nobody needs any more. The same selection asked for again begins anew. */
  release(informer: Pick<Informer<KubeObject>, 'resource'>): void;
  stop(): void;
}
