/** Marks of storage classes. @see kubernetes pkg/apis/storage/util */
import type { KubeObject } from '../object.js';

const defaultAnnotations = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

/** True for the class that claims without one get. */
export function isDefaultStorageClass({ metadata }: KubeObject): boolean {
  return defaultAnnotations.some((name) => metadata.annotations?.[name] === 'true');
}
