/** Fills a kind's declaration with what most kinds have in common. */
import type { Effort } from './cel/effort.js';
import type { FieldError } from './field-error.js';
import type { KindDeclaration, NameRule, PrinterColumn, Subresource, Verb } from './kind.js';
import { storedVerbs } from './kind.js';
import type { KubeObject } from './object.js';
import { ageColumn, nameColumn } from './print/columns.js';
import type { SchemaNode } from './schema/node.js';
import type { PodSpec } from './types/core.js';

/** The declaration of a kind: the fields that each must have, and those that it may. */
export interface KindOptions<T extends KubeObject> extends Partial<
  Omit<
    KindDeclaration,
    | 'podSpec'
    | 'setDefaults'
    | 'prepareCreate'
    | 'prepareUpdate'
    | 'validate'
    | 'validateUpdate'
    | 'warnings'
    | 'fields'
    | 'columns'
    | 'gracePeriodSeconds'
  >
> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly schema: SchemaNode & { readonly phantom?: T };
  readonly podSpec?: (object: T) => PodSpec | undefined;
  readonly setDefaults?: (object: T) => void;
  readonly prepareCreate?: (object: T, context: { readonly now: string }) => void;
  readonly prepareUpdate?: (object: T, old: T, context: { readonly now: string }) => void;
  readonly validate?: (
    object: T,
    old: T | undefined,
    warnings: string[],
    effort?: Effort,
  ) => ReturnType<NonNullable<KindDeclaration['validate']>>;
  readonly validateUpdate?: (
    object: T,
    old: T,
  ) => ReturnType<NonNullable<KindDeclaration['validateUpdate']>>;
  /** The errors of a write of the status alone. */
  readonly validateStatus?: (object: T, old: T) => readonly FieldError[];
  readonly warnings?: (object: T, old: KubeObject | undefined) => readonly string[];
  readonly fields?: Readonly<Record<string, (object: T) => string>>;
  readonly columns?: readonly PrinterColumn[];
  readonly gracePeriodSeconds?: (object: T) => number;
}

const statusVerbs: readonly Verb[] = ['get', 'patch', 'update'];

/** The `status` subresource. */
export const statusSubresource: Subresource = { name: 'status', verbs: statusVerbs };

/** The `scale` subresource of workloads; body is `autoscaling/v1 Scale`. */
export function scaleSubresource(selectorPath = '.spec.selector'): Subresource {
  return {
    name: 'scale',
    group: 'autoscaling',
    version: 'v1',
    kind: 'Scale',
    verbs: statusVerbs,
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: selectorPath,
    },
  };
}

const nameRule: NameRule = 'subdomain';

/**
 * Declares a kind. The hooks are typed by the schema; the API server calls them only with objects
 * that were decoded by it, which is what makes the widening below sound.
 */
export function defineKind<T extends KubeObject>(options: KindOptions<T>): KindDeclaration {
  const hasStatus = options.hasStatus ?? options.schema.properties?.['status'] !== undefined;
  const { validateStatus, ...declared } = options as unknown as KindOptions<KubeObject>;
  return {
    listKind: `${options.kind}List`,
    singular: options.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    verbs: storedVerbs,
    virtual: false,
    nameRule,
    storage: { group: options.group, plural: options.plural },
    hasGeneration: false,
    allowCreateOnUpdate: false,
    allowUnconditionalUpdate: true,
    defaultPropagation: 'Background',
    custom: false,
    ...declared,
    columns: options.columns ?? [nameColumn, ageColumn],
    fields: declared.fields ?? {},
    hasStatus,
    subresources: hasStatus
      ? withStatus(options.subresources ?? [], validateStatus)
      : (options.subresources ?? []),
  };
}

/** A kind with a status has the subresource, its own where it declares one. */
function withStatus(
  own: readonly Subresource[],
  validateUpdate: Subresource['validateUpdate'],
): readonly Subresource[] {
  if (own.some(({ name }) => name === statusSubresource.name)) return own;
  if (validateUpdate === undefined) return [...own, statusSubresource];
  return [...own, { ...statusSubresource, validateUpdate }];
}

/** A kind that is only ever created and answered, never stored (reviews). */
export function defineVirtual<T extends KubeObject>(options: KindOptions<T>): KindDeclaration {
  return { ...defineKind({ virtual: true, verbs: ['create'], ...options, hasStatus: false }) };
}
