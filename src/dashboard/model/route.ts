/** Names the place in the dashboard that an address shows: the part of the URL after `#`, which no server sees. */

/** A page with the names in its path, and what is chosen on it. */
export interface Route {
  /** `cluster`, `workloads`, `pods` and so on; the first part of the path. */
  readonly page: string;
  /** The parts of the path after the page. */
  readonly names: readonly string[];
  readonly query: ReadonlyMap<string, string>;
}

/** The page that is shown where an address names none. */
const firstPage = 'cluster';

/** Reads `#/pods/default/web-1?tab=logs`; whatever cannot be read becomes the first page. */
export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#?\/?/, '').split('?', 2);
  const [page = '', ...names] = path.split('/').map(decoded);
  return {
    page: page === '' ? firstPage : page,
    names: names.filter((name) => name !== ''),
    query: new Map(new URLSearchParams(search)),
  };
}

/** The address of a place; empty values of the query are left out. */
export function formatRoute(
  page: string,
  names: readonly string[] = [],
  query: Readonly<Record<string, string>> = {},
): string {
  const path = [page, ...names].map(encodeURIComponent).join('/');
  const kept = Object.entries(query).filter(([, value]) => value !== '');
  return kept.length === 0 ? `#/${path}` : `#/${path}?${new URLSearchParams(kept).toString()}`;
}

/** The address with more in its query. */
export function withQuery(address: string, more: Readonly<Record<string, string>>): string {
  const { page, names, query } = parseRoute(address);
  return formatRoute(page, names, { ...Object.fromEntries(query), ...more });
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}
