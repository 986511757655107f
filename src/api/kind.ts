/**
 * The central contract of this folder: a kind is data. The API server derives REST, gRPC, discovery,
 * OpenAPI, tables and `explain` from a `KindDeclaration`; adding a kind touches one file.
 *
 * A write goes through these steps, in this order:
 *   `decodeObject` (types, unknown fields, canonical form; `schema/decode.ts`)
 *   → `applyDefaults` (`schema/defaults.ts` and `kind.setDefaults`)
 *   → `prepareCreate` / `prepareUpdate` (`strategy.ts`) → admission (API server)
 *   → `validateCreate` / `validateUpdate` (`strategy.ts`) → storage.
 */
import type { CustomVersions } from './apiextensions/versions.js';
import type { Effort } from './cel/effort.js';
import type { FieldError } from './field-error.js';
import type { KubeObject } from './object.js';
import type { SchemaNode } from './schema/node.js';
import type { PodSpec } from './types/core.js';

/** Verbs of discovery. */
export type Verb =
  'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

/** All verbs of a stored kind, in discovery's order. */
export const storedVerbs: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];

/** The part of the present request that hooks may know. */
export interface HookContext {
  /** The present time, RFC 3339 in UTC with whole seconds. */
  readonly now: string;
}

/** Paths of the `scale` subresource, as in a CustomResourceDefinition. */
export interface ScalePaths {
  /** For example `.spec.replicas`. */
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  /** A serialized selector (CRDs) or a LabelSelector object (built-in kinds). */
  readonly labelSelectorPath?: string | undefined;
}

/** A named subresource other than the object itself. */
export interface Subresource {
  readonly name: string;
  /** Kind of request and answer body, when it differs from the object's own. */
  readonly group?: string | undefined;
  readonly version?: string | undefined;
  readonly kind?: string | undefined;
  readonly verbs: readonly Verb[];
  /** Set for `scale`. */
  readonly scale?: ScalePaths | undefined;
  /** Turns the written object into the one to store; may change `next` in place. */
  readonly prepareUpdate?: ((next: KubeObject, old: KubeObject) => void) | undefined;
  readonly validateUpdate?:
    ((next: KubeObject, old: KubeObject) => readonly FieldError[]) | undefined;
}

/** A cell of a table row. */
export type Cell = string | number | bigint | boolean | null;

/** One column of the table that `kubectl get` prints. */
export interface PrinterColumn {
  readonly name: string;
  /** OpenAPI type of the cells. */
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  /** `name` marks the identifying column. */
  readonly format?: string | undefined;
  readonly description?: string | undefined;
  /** 0 is always shown, 1 only with `-o wide`. */
  readonly priority: 0 | 1;
  /** @param nowMs the present time in milliseconds since 1970, for ages. */
  readonly cell: (object: KubeObject, nowMs: number) => Cell;
}

/** Getters of the values that a field selector may name; `''` when the field is not set. */
export type FieldGetters = Readonly<Record<string, (object: KubeObject) => string>>;

/** The rule for names of this kind. */
export type NameRule = 'subdomain' | 'label' | 'label1035' | 'path-segment' | 'address' | 'any';

/** The parts of a kind by which its objects are decoded. */
export type DecodableKind = Pick<
  KindDeclaration,
  'group' | 'version' | 'kind' | 'custom' | 'schema'
>;

/** A kind in one version of one group. Immutable. */
export interface KindDeclaration {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  /** The resource's name in paths. */
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** The verbs that the resource itself supports; reviews have only `create`. */
  readonly verbs: readonly Verb[];
  /** True when objects are answered and never stored (reviews). */
  readonly virtual: boolean;
  readonly schema: SchemaNode;
  /** The rule for names. */
  readonly nameRule: NameRule;
  /**
   * The place of this kind's objects in the store: kinds with equal storage share their objects (core and
   * `events.k8s.io` events, the versions of the autoscaler).
   */
  readonly storage: {
    readonly group: string;
    readonly plural: string;
    /** The version that is stored, where the kind is served in several. */
    readonly apiVersion?: string;
    /** Brings an object to the stored form, in place, that was stored in another version (by kube-apiserver). */
    readonly adopt?: (object: KubeObject) => void;
  };
  /** Converts to the stored form, in place, when this is not the stored version. */
  readonly toStorage?: ((object: KubeObject) => void) | undefined;
  /** Converts from the stored form, in place. */
  readonly fromStorage?: ((object: KubeObject) => void) | undefined;
  /** True when `metadata.generation` is kept and grows with each change of the spec. */
  readonly hasGeneration: boolean;
  /** True when `/status` is a subresource, so that plain writes never touch `.status`. */
  readonly hasStatus: boolean;
  /**
   * The metadata that a write through `/status` leaves as it is: all that clients set, only the labels, or only the
   * owners. Unset: none, as for most kinds.
   */
  readonly statusKeeps?: 'labels' | 'metadata' | 'owners' | undefined;
  /** True when a create may bring a status along (nodes register with theirs). */
  readonly keepsStatusOnCreate?: boolean | undefined;
  readonly subresources: readonly Subresource[];
  /** The pod's spec that objects hold, if only as a template; it may be missing before they are validated. */
  readonly podSpec?: ((object: KubeObject) => PodSpec | undefined) | undefined;
  /** Defaulting that plain schema defaults cannot say; changes the object in place. */
  readonly setDefaults?: ((object: KubeObject) => void) | undefined;
  readonly prepareCreate?: ((object: KubeObject, context: HookContext) => void) | undefined;
  readonly prepareUpdate?:
    ((object: KubeObject, old: KubeObject, context: HookContext) => void) | undefined;
  /**
   * Checks beyond the schema's own. Of an update, custom kinds see the old object too: what was wrong before and has
   * not changed may stay, with a warning. An effort bounds what their rules do on the event loop, with an EffortError.
   */
  readonly validate?:
    | ((
        object: KubeObject,
        old: KubeObject | undefined,
        warnings: string[],
        effort?: Effort,
      ) => readonly FieldError[])
    | undefined;
  /** Of a kind whose validation compiles expressions: their length, by which it takes long. */
  readonly expressionLength?: ((object: KubeObject) => number) | undefined;
  /** Checks of new objects only. */
  readonly validateCreate?: ((object: KubeObject) => readonly FieldError[]) | undefined;
  readonly validateUpdate?:
    ((object: KubeObject, old: KubeObject) => readonly FieldError[]) | undefined;
  /** Warnings for the client, such as deprecated fields. @param old unset for a new object */
  readonly warnings?:
    ((object: KubeObject, old: KubeObject | undefined) => readonly string[]) | undefined;
  /** Sent as a warning with every answer: this version of the kind is on its way out. */
  readonly deprecation?: string | undefined;
  readonly columns: readonly PrinterColumn[];
  /** Beside `metadata.name` and `metadata.namespace`, which every kind has. */
  readonly fields: FieldGetters;
  /** True when PUT on a name that is not there creates the object (leases, endpoints, …). */
  readonly allowCreateOnUpdate: boolean;
  /** True when PUT without a resourceVersion overwrites whatever is there. */
  readonly allowUnconditionalUpdate: boolean;
  /** The propagation policy of a DELETE that names none. */
  readonly defaultPropagation: 'Background' | 'Orphan';
  /**
   * Seconds of grace when the request names none; undefined when deletion is at once.
   * A pod's own `terminationGracePeriodSeconds`, for example.
   */
  readonly gracePeriodSeconds?: ((object: KubeObject) => number) | undefined;
  /** Set for kinds made from a CustomResourceDefinition. */
  readonly custom: boolean;
  /** The OpenAPI schema that {@link schema} was made of, for such kinds; plain data. */
  readonly definedBy?: Readonly<Record<string, unknown>> | undefined;
  /** The versions of the definition that a custom kind belongs to. */
  readonly versions?: CustomVersions | undefined;
}
