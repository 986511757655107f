/** The body with which an object becomes what it was. Pure. */
import type { KubeObject } from '../api/object.js';

/** What the API server sets by itself, and what an older object must not bring back. */
const ownMetadata = [
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generation',
  'managedFields',
  'selfLink',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const;

/**
 * The old object as a replacement of the present one: without its status, at the version of the present one, so that
 * it takes nothing back that somebody writes meanwhile.
 * @param present undefined: the object is gone, and is made anew
 */
export function rewound(old: KubeObject, present: KubeObject | undefined): KubeObject {
  const { status: _status, ...rest } = old as KubeObject & { status?: unknown };
  const metadata: Record<string, unknown> = { ...old.metadata };
  for (const name of ownMetadata) delete metadata[name];
  if (present !== undefined) {
    metadata['uid'] = present.metadata.uid;
    metadata['resourceVersion'] = present.metadata.resourceVersion;
  }
  return { ...rest, metadata: metadata as unknown as KubeObject['metadata'] };
}
