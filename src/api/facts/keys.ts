/** The key of an object among those of its kind, in the one form that queues, caches, indexes and messages share. */

/** The name of an object, and its namespace where it has one: metadata, or the key of a request. */
export interface ObjectName {
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** Returns `namespace/name`, or the name alone for an object without a namespace (client-go `ObjectName`). */
export function objectKey({ namespace, name }: ObjectName): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** Returns the key of an object: {@link objectKey} of its metadata. */
export function keyOf(object: { readonly metadata: ObjectName }): string {
  return objectKey(object.metadata);
}

/** Splits a key at its first slash (client-go `SplitMetaNamespaceKey`); the namespace is empty where there is none. */
export function splitKey(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf('/');
  if (slash < 0) return { namespace: '', name: key };
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
