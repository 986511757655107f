/** Merges the OpenAPI documents (version 2) of the servers behind this one into its own. Pure. */
import { deepEqual } from '../../../api/equal.js';
import { isJsonObject } from '../../../api/object.js';
import type { OpenApi } from '../../../api/openapi/open-api.js';
import type { RemoteApi } from '../aggregator/index.js';

type Json = Readonly<Record<string, unknown>>;

const reference = '#/definitions/';

/** Adds the paths of each remote group and version, with the definitions that they need. */
export function mergeOpenApi(own: OpenApi, remotes: readonly RemoteApi[]): OpenApi {
  const paths: Record<string, unknown> = { ...part(own, 'paths') };
  const definitions: Record<string, unknown> = { ...part(own, 'definitions') };
  for (const { group, version, learned } of remotes) {
    if (learned?.openApi === undefined) continue;
    const prefix = `/apis/${group}/${version}/`;
    const found = Object.entries(part(learned.openApi, 'paths')).filter(([path]) =>
      path.startsWith(prefix),
    );
    const theirs = part(learned.openApi, 'definitions');
    const names = namesFor(neededBy(Object.fromEntries(found), theirs), theirs, definitions);
    for (const [path, item] of found) paths[path] = renamed(item, names);
    for (const [name, as] of names) definitions[as] ??= renamed(theirs[name], names);
  }
  return { ...own, paths, definitions };
}

function part(document: object, name: string): Json {
  const found = (document as Json)[name];
  return isJsonObject(found) ? found : {};
}

/** All definitions that a value refers to, directly or through others. */
function neededBy(value: unknown, definitions: Json): Set<string> {
  const needed = new Set<string>();
  const rest: unknown[] = [value];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (Array.isArray(next)) rest.push(...(next as unknown[]));
    else if (isJsonObject(next)) {
      for (const [key, inner] of Object.entries(next)) {
        const name = key === '$ref' && typeof inner === 'string' ? inner : '';
        if (!name.startsWith(reference)) rest.push(inner ?? null);
        else if (!needed.has(name.slice(reference.length))) {
          needed.add(name.slice(reference.length));
          rest.push(definitions[name.slice(reference.length)] ?? null);
        }
      }
    }
  }
  return needed;
}

/** A name for each definition: another one where its own stands for something else here. */
function namesFor(needed: ReadonlySet<string>, theirs: Json, taken: Json): Map<string, string> {
  const names = new Map<string, string>();
  for (const name of [...needed].sort()) {
    let as = name;
    for (let n = 2; taken[as] !== undefined && !deepEqual(taken[as], theirs[name]); n++) {
      as = `${name}_v${n}`;
    }
    names.set(name, as);
  }
  return names;
}

function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, names));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (key !== '$ref' || typeof inner !== 'string') return [key, renamed(inner, names)];
      const as = names.get(inner.slice(reference.length));
      return [key, as === undefined ? inner : reference + as];
    }),
  );
}
