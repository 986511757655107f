/** Objects as they were, by lists of an exact revision, as Kubernetes has them: with the rights to list them. */
import type { KubeObject } from '../api/object.js';

/** Versions that are walked over at most: each is a request, and more would take minutes. */
export const versionsMax = 2_000;
/** Objects of a page. */
const pageSize = 500;

/** A page of a list, as far as it is read. */
export interface ListPage {
  readonly items?: readonly KubeObject[] | null;
  readonly metadata?: { readonly continue?: string };
}

/** Lists a resource, in one namespace or in all: the query in, the server's answer out. */
export type ListCall = (query: Readonly<Record<string, string | undefined>>) => Promise<ListPage>;

/** The query for a list of a past revision. */
export function exactly(revision: string): Record<string, string> {
  return { resourceVersion: revision, resourceVersionMatch: 'Exact' };
}

/** An object at a revision; undefined when it did not exist then. @throws the API's `Expired` for a compacted one */
export async function objectAt(
  list: ListCall,
  name: string,
  revision: string,
): Promise<KubeObject | undefined> {
  const page = await list({ fieldSelector: `metadata.name=${name}`, ...exactly(revision) });
  return page.items?.[0];
}

/**
 * The objects of a resource by pages, of which no more than the caller's is in memory.
 * @param revision undefined: as they are now
 */
export async function* pagesAt(
  list: ListCall,
  revision: string | undefined,
): AsyncGenerator<readonly KubeObject[], void> {
  let next: string | undefined;
  do {
    const first = next === undefined && revision !== undefined ? exactly(revision) : {};
    const page = await list({ limit: String(pageSize), continue: next, ...first });
    yield page.items ?? [];
    next = page.metadata?.continue === '' ? undefined : page.metadata?.continue;
  } while (next !== undefined);
}

/** One version of an object, and the one before it. */
export interface Version {
  readonly object: KubeObject;
  /** `created`: the object began with this version. `compacted`: what was before it is no longer kept. */
  readonly before: KubeObject | 'created' | 'compacted';
}

/** The versions of an object, the newest first; no more than {@link versionsMax}. */
export async function* versionsOf(list: ListCall, newest: KubeObject): AsyncGenerator<Version> {
  let object = newest;
  for (let count = 0; count < versionsMax; count++) {
    const before = await versionBefore(list, object);
    yield { object, before };
    if (typeof before === 'string') return;
    object = before;
  }
}

async function versionBefore(list: ListCall, { metadata }: KubeObject): Promise<Version['before']> {
  const revision = Number(metadata.resourceVersion) - 1;
  if (!(revision > 0)) return 'created';
  try {
    const found = await objectAt(list, metadata.name, String(revision));
    return found === undefined || found.metadata.uid !== metadata.uid ? 'created' : found;
  } catch (error) {
    if (isCompacted(error)) return 'compacted';
    throw error;
  }
}

/** True for the API's error about a revision that is no longer kept, by its reason, whoever made an error of it. */
export function isCompacted(error: unknown): boolean {
  return (
    error instanceof Error &&
    'reason' in error &&
    (error.reason === 'Expired' || error.reason === 'Gone')
  );
}
