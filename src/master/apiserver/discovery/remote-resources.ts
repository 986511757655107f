/** The resources of another server in the form of aggregated discovery, from the list that it has of them. Pure. */
import { isJsonObject } from '../../../api/object.js';
import type { RemoteApi } from '../aggregator/index.js';

type Json = Readonly<Record<string, unknown>>;

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** What the server said last; nothing before it has said anything. */
export function remoteResources({ group, version, learned }: RemoteApi): object[] {
  const all = (learned?.resources ?? []).filter(isJsonObject);
  const kindOf = (resource: Json): object => ({
    group: text(resource['group']) || group,
    version: text(resource['version']) || version,
    kind: text(resource['kind']),
  });
  return all
    .filter(({ name }) => text(name) !== '' && !text(name).includes('/'))
    .map((resource) => {
      const name = text(resource['name']);
      const [shortNames, categories] = [
        texts(resource['shortNames']),
        texts(resource['categories']),
      ];
      const subresources = all
        .filter((other) => text(other['name']).startsWith(`${name}/`))
        .map((other) => ({
          subresource: text(other['name']).slice(name.length + 1),
          responseKind: kindOf(other),
          verbs: texts(other['verbs']),
        }));
      return {
        resource: name,
        responseKind: kindOf(resource),
        scope: resource['namespaced'] === true ? 'Namespaced' : 'Cluster',
        singularResource: text(resource['singularName']),
        verbs: texts(resource['verbs']),
        ...(shortNames.length === 0 ? {} : { shortNames }),
        ...(categories.length === 0 ? {} : { categories }),
        ...(subresources.length === 0 ? {} : { subresources }),
      };
    });
}
