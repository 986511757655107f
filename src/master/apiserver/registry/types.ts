/** The parts of a request that authorization, admission and storage read. */
import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import type { Entry } from '../cache/entry.js';
import type { Selection } from '../cache/selection.js';

/** The user that sends a request. */
export interface UserInfo {
  readonly name: string;
  readonly uid?: string | undefined;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** The server itself: passes authorization, and admission sees a superuser. */
export const systemUser: UserInfo = { name: 'system:apiserver', groups: ['system:masters'] };

/**
 * The object that a request names, and its kind. `name` is empty for collections; `namespace` for cluster scope and for
 * all namespaces.
 */
export interface Target {
  readonly kind: KindDeclaration;
  readonly namespace: string;
  readonly name: string;
  /** Empty for the object itself. */
  readonly subresource: string;
}

/** Query options of a write. */
export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: 'Strict' | 'Warn' | 'Ignore';
  /** Takes fields over from other managers in server-side apply. */
  readonly force: boolean;
}

/** The request as the layers below the handlers see it. */
export interface RequestContext {
  readonly user: UserInfo;
  readonly target: Target;
  readonly options: WriteOptions;
  /** Texts for the client's `Warning` headers, in order; duplicates are dropped when they are sent. */
  readonly warnings: string[];
  /** Admission's notes for the audit log, by annotation; absent where no such line is written. */
  readonly auditAnnotations?: Map<string, string> | undefined;
}

/** The outcome of a write. */
export interface Written {
  /** The JSON to answer with, resourceVersion included. */
  readonly bytes: Buffer;
  readonly object: KubeObject;
  /** True when the object was not there before. */
  readonly created: boolean;
  /** True when the write removed the object (the last finalizer went away). */
  readonly deleted: boolean;
}

/**
 * The operation and the object that admission decides on. Mutating plugins change `object` in place. Of a subresource
 * with a kind of its own (a Scale, a Binding, an Eviction, a TokenRequest) the objects are of that kind.
 */
export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly context: RequestContext;
  /** Of a deletion: its options. */
  readonly deletion?: Readonly<Record<string, unknown>> | undefined;
  readonly object: KubeObject | undefined;
  readonly old: KubeObject | undefined;
}

/** Decides on writes before they are stored. @throws StatusError to refuse */
export interface Admission {
  mutate(request: AdmissionRequest): Promise<void>;
  validate(request: AdmissionRequest): Promise<void>;
  /** Undoes what `validate` set aside (quota, addresses) when the write did not happen. */
  abandon?(request: AdmissionRequest): Promise<void>;
}

/** Reads the objects of a virtual kind, which are made at each read. */
export interface VirtualReader {
  /** All that the selection chooses, in the order of their keys. */
  list(namespace: string, selection: Selection): Promise<readonly Entry[]>;
  /** @throws StatusError NotFound */
  get(namespace: string, name: string): Promise<Entry>;
}

/** The resource as errors name it: by the group that its objects are stored in. */
export function errorTarget(kind: KindDeclaration): { group: string; resource: string } {
  return { group: kind.storage.group, resource: kind.plural };
}
