/**
 * The parts that every Kubernetes object shares, as TypeScript types (apimachinery `meta/v1`).
 * Objects are plain JSON values; nothing here has behaviour except the few getters below.
 */

/** Any JSON value. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** A JSON object whose fields are not known here. */
export type JsonObject = { [key: string]: Json };

/** `group/version` and `kind` of an object; both may be absent on items of a typed list. */
export interface TypeMeta {
  apiVersion?: string;
  kind?: string;
}

/** A reference from a dependent to its owner, always in the same namespace or cluster scoped. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** One manager's set of fields, see `apply/`. */
export interface ManagedFieldsEntry {
  manager?: string;
  operation?: string;
  apiVersion?: string;
  /** RFC 3339, whole seconds. */
  time?: string;
  fieldsType?: string;
  fieldsV1?: JsonObject;
  subresource?: string;
}

/** The metadata of every stored object. Times are RFC 3339 in UTC with whole seconds. */
export interface ObjectMeta {
  /** Absent only while `generateName` waits to be used. */
  name: string;
  generateName?: string;
  namespace?: string;
  selfLink?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
  managedFields?: ManagedFieldsEntry[];
}

/** Metadata inside a template: a name is not needed. */
export type TemplateMeta = Partial<ObjectMeta>;

/** Any stored object. `spec`, `status`, `data`, … are reached through the typed kinds. */
export interface KubeObject extends TypeMeta {
  metadata: ObjectMeta;
}

/** Metadata of a list. */
export interface ListMeta {
  selfLink?: string | undefined;
  resourceVersion?: string | undefined;
  continue?: string | undefined;
  remainingItemCount?: number | bigint | undefined;
}

/** One cause of a failed request. `field` is a path such as `spec.containers[0].name`. */
export interface StatusCause {
  reason?: string | undefined;
  message?: string | undefined;
  field?: string | undefined;
}

/** Details of a failed (or deleting) request. */
export interface StatusDetails {
  name?: string | undefined;
  group?: string | undefined;
  kind?: string | undefined;
  uid?: string | undefined;
  causes?: StatusCause[] | undefined;
  retryAfterSeconds?: number | undefined;
}

/** `v1 Status`, the body of each error answer. */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: ListMeta;
  status: 'Success' | 'Failure';
  message?: string | undefined;
  reason?: string | undefined;
  details?: StatusDetails | undefined;
  code: number;
}

/** Splits `group/version`; the core group has no slash. */
export function parseGroupVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/');
  if (slash < 0) return { group: '', version: apiVersion };
  return { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** Joins group and version the way `apiVersion` is written. */
export function formatGroupVersion(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}

/** `plural.group` as Kubernetes writes it in messages: `deployments.apps`, `pods`. */
export function qualifiedName(group: string, name: string): string {
  return group === '' ? name : `${name}.${group}`;
}

/** True for a JSON object (not null, not an array). */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The controlling owner, when there is one. */
export function controllerOf(object: { metadata: ObjectMeta }): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

/** The string in a field of a JSON object; `''` when there is none. */
export function textOf(object: Readonly<Record<string, unknown>>, field: string): string {
  const value = object[field];
  return typeof value === 'string' ? value : '';
}
