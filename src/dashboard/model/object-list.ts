/** Keeps the objects of a list as its watch changes them: for lists that are short, of one service or one namespace. */
import type { KubeObject } from '../../api/object.js';

/** Objects that are kept; a list that has more is shown in part. */
export const objectsKept = 500;

/** By `namespace/name`. */
export type ObjectList<T> = ReadonlyMap<string, T>;

/** One line of a watch. */
export interface ObjectEvent<T> {
  readonly type: string;
  readonly object: T;
}

/** The objects of a list's answer. */
export function objectsOf<T extends KubeObject>(items: readonly T[]): ObjectList<T> {
  return new Map(items.slice(0, objectsKept).map((object) => [keyOf(object), object]));
}

/** The objects after some events. */
export function afterEvents<T extends KubeObject>(
  before: ObjectList<T>,
  events: readonly ObjectEvent<T>[],
): ObjectList<T> {
  const objects = new Map(before);
  for (const { type, object } of events) {
    const key = keyOf(object);
    if (type === 'DELETED') objects.delete(key);
    else if (type !== 'BOOKMARK' && (objects.has(key) || objects.size < objectsKept)) {
      objects.set(key, object);
    }
  }
  return objects;
}

function keyOf({ metadata: { namespace = '', name } }: KubeObject): string {
  return `${namespace}/${name}`;
}
