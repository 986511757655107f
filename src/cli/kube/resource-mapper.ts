import { CommandLineError } from '../command/command-line-error.js';
import { nearest } from '../command/nearest.js';
import { builtInOf, builtInResources } from './built-in-resources.js';
import { discover } from './discovery.js';
import { apiVersionOf, pluralName } from './resource.js';
import type { Resource } from './resource.js';
import type { KubeClient } from './types.js';

/** Finds resources by what users type and by what objects say. The server is asked for names that are not built in. */
export class ResourceMapper {
  readonly #kube: KubeClient;
  #discovered: Promise<Resource[]> | undefined;

  constructor(kube: KubeClient) {
    this.#kube = kube;
  }

  /** All that the server has. */
  all(): Promise<readonly Resource[]> {
    this.#discovered ??= discover(this.#kube);
    return this.#discovered;
  }

  /** By plural, singular, short name or kind, with a group after a dot. @throws CommandLineError in kubectl's words */
  async byName(text: string): Promise<Resource> {
    const found = findByName(builtInResources, text) ?? findByName(await this.all(), text);
    if (found !== undefined) return found;
    throw unknownType(text, await this.all());
  }

  /** As {@link byName}; a category (`all`) is all its resources. */
  async expand(text: string): Promise<readonly Resource[]> {
    const known = findByName(builtInResources, text);
    if (known !== undefined) return [known];
    const all = await this.all();
    const inCategory = preferred(all.filter(({ categories }) => categories.includes(text)));
    return inCategory.length > 0 ? inCategory : [await this.byName(text)];
  }

  /** By an object's apiVersion and kind. */
  async findKind(apiVersion: string, kind: string): Promise<Resource | undefined> {
    return (
      builtInOf(apiVersion, kind) ??
      (await this.all()).find((found) => found.kind === kind && apiVersionOf(found) === apiVersion)
    );
  }

  /** Forgets what the server had: a definition may have been added. */
  refresh(): void {
    this.#discovered = undefined;
  }
}

/** One version of each resource: the first. */
export function preferred(resources: readonly Resource[]): Resource[] {
  const names = new Set<string>();
  return resources.filter((found) => {
    const name = pluralName(found);
    return !names.has(name) && names.add(name) !== undefined;
  });
}

/** The first that has the name: plural or singular before short names before kinds. */
export function findByName(resources: readonly Resource[], text: string): Resource | undefined {
  const lower = text.toLowerCase();
  const dot = lower.indexOf('.');
  const name = dot < 0 ? lower : lower.slice(0, dot);
  const suffix = dot < 0 ? undefined : lower.slice(dot + 1);
  const candidates = resources.filter(
    ({ group, version }) =>
      suffix === undefined ||
      suffix === group ||
      suffix === `${version}.${group}` ||
      (group === '' && suffix === version),
  );
  return (
    candidates.find(({ plural, singular }) => plural === name || singular === name) ??
    candidates.find(({ shortNames }) => shortNames.includes(name)) ??
    candidates.find(({ kind }) => kind.toLowerCase() === name)
  );
}

function unknownType(text: string, resources: readonly Resource[]): CommandLineError {
  const names = resources.flatMap(({ plural, singular, shortNames }) => [
    plural,
    singular,
    ...shortNames,
  ]);
  const like = text.length > 2 ? nearest(text, [...new Set(names)]).slice(0, 3) : [];
  const hint =
    like.length === 0 ? '' : `\n\nDid you mean this?\n${like.map((n) => `\t${n}`).join('\n')}`;
  return new CommandLineError(`the server doesn't have a resource type "${text}"${hint}`, {
    plain: true,
  });
}
