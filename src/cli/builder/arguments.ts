/** The words that name objects: `TYPE[,TYPE] [NAME...]` or `TYPE/NAME...`. */
import { CommandLineError } from '../command/command-line-error.js';
import type { Resource } from '../kube/resource.js';
import type { ResourceMapper } from '../kube/resource-mapper.js';

/** A resource, and the names of its objects; none is all of them. */
export interface Selection {
  readonly resource: Resource;
  readonly names: readonly string[];
  /** True when the user named several resources, or wrote TYPE/NAME: output says which is which. */
  readonly several: boolean;
}

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** @throws CommandLineError in kubectl's words */
export async function parseSelections(
  mapper: ResourceMapper,
  words: readonly string[],
): Promise<readonly Selection[]> {
  if (words.some((word) => word.includes('/'))) return parsePairs(mapper, words);
  const [first = '', ...names] = words;
  const types = first.split(',').filter((type) => type !== '');
  const resources = (await Promise.all(types.map((type) => mapper.expand(type)))).flat();
  const several = resources.length > 1;
  return resources.map((resource) => ({ resource, names, several }));
}

async function parsePairs(
  mapper: ResourceMapper,
  words: readonly string[],
): Promise<readonly Selection[]> {
  const pairs: { type: string; name: string }[] = [];
  for (const word of words) {
    const [type = '', name = '', more] = word.split('/');
    if (!word.includes('/')) {
      throw plain(
        "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'trireme get resource/<resource_name>' instead of 'trireme get resource resource/<resource_name>'",
      );
    }
    if (more !== undefined) {
      throw plain('arguments in resource/name form may not have more than one slash');
    }
    if (type === '' || name === '') {
      throw plain('arguments in resource/name form must have a single resource and name');
    }
    pairs.push({ type, name });
  }
  const resources = await Promise.all(pairs.map(({ type }) => mapper.byName(type)));
  const several = new Set(resources).size > 1;
  const selections: { resource: Resource; names: string[]; several: boolean }[] = [];
  for (const [at, { name }] of pairs.entries()) {
    const resource = resources[at];
    if (resource === undefined) continue;
    const last = selections.at(-1);
    if (last?.resource === resource) last.names.push(name);
    else selections.push({ resource, names: [name], several });
  }
  return selections;
}

/** The one object that a command is about: `TYPE NAME` or `TYPE/NAME`. */
export async function parseSingle(
  mapper: ResourceMapper,
  words: readonly string[],
): Promise<{ readonly resource: Resource; readonly name: string }> {
  const selections = await parseSelections(mapper, words);
  const [only, more] = selections;
  const [name, another] = only?.names ?? [];
  if (only === undefined || name === undefined) {
    throw plain('resource(s) were provided, but no name was specified');
  }
  if (more !== undefined || another !== undefined) {
    throw plain('only one resource can be named');
  }
  return { resource: only.resource, name };
}
