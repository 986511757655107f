/** The namespaced kinds of other servers, as APIServices name these and the servers name their kinds. */
import { formatGroupVersion, isJsonObject } from '../../../api/object.js';
import type { KubeObject } from '../../../api/object.js';
import { isConditionTrue } from '../../../api/facts/conditions.js';
import type { APIService } from '../../../api/types/policy.js';
import type { CatalogEntry } from '../../../client/controller/catalog.js';
import { resources } from '../../../client/resources.js';
import type { ApiClient, Informer } from '../../../client/types.js';
import { errorMessage } from '../../../lib/errors.js';
import type { ControllerContext } from '../context.js';

/** More than any API group has. Each is listed for each namespace that ends, and a server may name what it likes. */
const maxKinds = 500;

/** What was found, and why some of it was not, by group and version. */
export interface Discovered {
  readonly entries: readonly CatalogEntry[];
  readonly failures: ReadonlyMap<string, string>;
}

/** Finds the kinds anew whenever they are asked for: only namespaces that end ask. */
export class RemoteKinds {
  readonly #client: ApiClient;
  readonly #services: Informer<APIService>;

  constructor({ client, informers }: Pick<ControllerContext, 'client' | 'informers'>) {
    this.#client = client;
    this.#services = informers.informer<APIService>(resources.apiServices);
  }

  async discover(): Promise<Discovered> {
    const entries = new Map<string, CatalogEntry>();
    const failures = new Map<string, string>();
    for (const { spec, status } of this.#services.list().filter(isRemote).toSorted(byPriority)) {
      const { group = '', version = '' } = spec;
      const name = formatGroupVersion(group, version);
      // client-go's StaleGroupVersionError: the server's aggregated discovery tells it so.
      if (!isConditionTrue(status?.conditions, 'Available')) {
        failures.set(name, `stale GroupVersion discovery: ${name}`);
        continue;
      }
      try {
        for (const entry of await this.#kindsOf(group, version)) {
          const id = `${group}/${entry.resource}`;
          if (!entries.has(id)) entries.set(id, entry);
        }
      } catch (error) {
        failures.set(name, errorMessage(error));
      }
    }
    return { entries: [...entries.values()], failures };
  }

  /** A reference without a resource stands for the list of those that there are. */
  async #kindsOf(group: string, version: string): Promise<CatalogEntry[]> {
    const ref = { group, version, resource: '' };
    const list = await this.#client.get<KubeObject & { resources?: unknown }>(ref, { name: '' });
    const found = Array.isArray(list.resources) ? list.resources.filter(isJsonObject) : [];
    const entries = found.flatMap(({ name, kind, namespaced, verbs }) => {
      const isPart = typeof name !== 'string' || name === '' || name.includes('/');
      const can = (verb: string): boolean => Array.isArray(verbs) && verbs.includes(verb);
      if (isPart || namespaced !== true || !can('list') || !can('delete')) return [];
      return [{ group, version, resource: name, kind: String(kind), namespaced: true }];
    });
    if (entries.length > maxKinds) throw new Error(`it names more than ${maxKinds} resources`);
    return entries;
  }
}

function isRemote({ spec }: APIService): boolean {
  return spec.service !== undefined && (spec.group ?? '') !== '';
}

/** Of the versions of a group the preferred one first: their objects are the same. */
function byPriority(a: APIService, b: APIService): number {
  return (b.spec.versionPriority ?? 0) - (a.spec.versionPriority ?? 0);
}
