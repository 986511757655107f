/** The verbs' requests and answers: values of the API, without a trace of the protocol that carried them. */
import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import type { Entry } from '../cache/entry.js';
import type { DeleteOptions } from '../registry/deleter.js';
import type { RequestContext, Target, UserInfo, WriteOptions } from '../registry/types.js';
import type { WatchSink } from '../registry/watch-session.js';
import type { UpdateSource } from '../registry/writer.js';

/**
 * Reads the rest of a request, once it is known to be allowed and what it is about: options that cannot be read are
 * told only to who may ask. Reads no body. @throws StatusError
 */
export type Decode<T> = (target: Target, user: UserInfo) => T;

/** Reads a body; called once, after authorization and before a slot is taken. @throws StatusError */
export type Read<T> = (context: RequestContext) => T | Promise<T>;

/** Reads one object. */
export interface GetRequest {
  /** Empty: what is acknowledged now; `0`: whatever is here; N: not older than that. */
  readonly resourceVersion: string;
}

/** Reads the objects of a resource that selectors choose, in pages. */
export interface ListRequest {
  readonly labelSelector: string;
  readonly resourceVersion: string;
  /** `Exact`, `NotOlderThan` or empty. */
  readonly resourceVersionMatch: string;
  /** Refused for a list. */
  readonly sendInitialEvents?: boolean | undefined;
  /** 0: no limit. */
  readonly limit: number;
  readonly continue: string;
}

/** Follows the changes of the objects that selectors choose. */
export interface WatchRequest {
  readonly labelSelector: string;
  readonly resourceVersion: string;
  /** `NotOlderThan` with {@link sendInitialEvents}, else empty. */
  readonly resourceVersionMatch: string;
  /** Refused for a watch with {@link resourceVersionMatch}. */
  readonly continue: string;
  readonly allowBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
  /** 0: a while that the server draws; less: none at all; undefined: until the client goes. */
  readonly timeoutSeconds: number | undefined;
  /** Begins the answer. `closed` resolves when the client is gone or has everything. */
  readonly open: (kind: KindDeclaration) => {
    readonly sink: WatchSink;
    readonly closed: Promise<void>;
  };
}

/** A create or an update. */
export interface WriteRequest {
  readonly options: WriteOptions;
  /** The object that was sent, by the schema of the target's kind. */
  readonly object: Read<KubeObject>;
  /** The body, parsed: for subresources with a kind of their own. Undefined where nothing was sent. */
  readonly value: Read<unknown>;
}

/** Changes an object by a patch, or applies a configuration to it. */
export interface PatchRequest {
  readonly options: WriteOptions;
  /** The patch's effect on the present object. */
  readonly source: Read<UpdateSource>;
  /** The patch's effect on a value that is no object of the kind (a Scale). */
  readonly change: Read<(old: KubeObject) => unknown>;
}

/** Deletes an object, or marks it as being deleted. */
export interface DeleteRequest {
  readonly options: Read<DeleteOptions>;
}

/** Deletes the objects that selectors choose, each by itself. */
export interface DeleteCollectionRequest extends DeleteRequest {
  /** The list of what is deleted. */
  readonly list: ListRequest;
}

/** A connection through the server to a pod, a service or a node. */
export interface ConnectRequest {
  /**
   * The connection's own kind, such as PodExecOptions: what admission decides about. Undefined for a log, which is a
   * read.
   */
  readonly options: KubeObject | undefined;
  /** Runs while the connection lives; calls `started` when the answer has begun. @returns the answer's code */
  readonly use: (context: RequestContext, started: (code: number) => void) => Promise<number>;
}

/** A request that another server answers. */
export interface ForwardRequest {
  /** True for a watch or a connection: it holds no slot, and lives as long as its client likes. */
  readonly lives: boolean;
  /** Calls `started` when the answer has begun. @returns the answer's code */
  readonly use: (user: UserInfo, started: (code: number) => void) => Promise<number>;
}

/** The answer of a verb. */
export interface Answer {
  readonly code: number;
  readonly bytes: Buffer;
  /** Set when `bytes` is an object of the target's kind, which may be shown in another form. */
  readonly entry: Entry | undefined;
  readonly target: Target;
}

/** The objects of a list. */
export interface Listed {
  readonly kind: KindDeclaration;
  readonly entries: readonly Entry[];
  readonly resourceVersion: string;
  /** Set when there is more. */
  readonly continue: string;
  readonly remainingItemCount: number | undefined;
}
