/** What a server has, read from its aggregated discovery documents. */
import type { Resource } from './resource.js';
import type { KubeClient } from './types.js';

interface GroupDiscovery {
  readonly metadata: { readonly name?: string };
  readonly versions?: readonly {
    readonly version: string;
    readonly resources?: readonly {
      readonly resource: string;
      readonly responseKind?: { readonly kind?: string };
      readonly scope: string;
      readonly singularResource?: string;
      readonly verbs?: readonly string[];
      readonly shortNames?: readonly string[];
      readonly categories?: readonly string[];
    }[];
  }[];
}

const accept =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json';

/** Asks for all groups; preferred versions come first. */
export async function discover(kube: KubeClient): Promise<Resource[]> {
  const documents = await Promise.all(
    ['/api', '/apis'].map((path) =>
      kube.json<{ readonly items?: readonly GroupDiscovery[] }>({ path, accept }),
    ),
  );
  return documents.flatMap(({ items = [] }) => items.flatMap(resourcesOf));
}

function resourcesOf(group: GroupDiscovery): Resource[] {
  return (group.versions ?? []).flatMap(({ version, resources = [] }) =>
    resources.map((found) => {
      const kind = found.responseKind?.kind ?? '';
      return {
        group: group.metadata.name ?? '',
        version,
        kind,
        plural: found.resource,
        singular: found.singularResource ?? kind.toLowerCase(),
        namespaced: found.scope === 'Namespaced',
        shortNames: found.shortNames ?? [],
        categories: found.categories ?? [],
        verbs: found.verbs ?? [],
      };
    }),
  );
}
