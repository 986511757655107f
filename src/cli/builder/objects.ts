/** The objects that a command is about, by names, selectors or files. */
import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { CommandContext } from '../context.js';
import { namedByKind, objectPath, pathOf } from '../kube/resource.js';
import type { ObjectRef, Resource } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { parseSelections } from './arguments.js';
import { parseManifests } from './manifests.js';
import { missingResources } from './missing-resources.js';
import { buildKustomization, readSource } from './texts.js';

/** An object of a file. */
export interface FileObject {
  readonly ref: ObjectRef;
  readonly object: KubeObject;
  /** What error messages call the file. */
  readonly source: string;
}

/** The flags by which objects are chosen; all optional. */
export interface Choice {
  readonly filename?: readonly string[] | undefined;
  readonly kustomize?: string | undefined;
  readonly recursive?: boolean | undefined;
  readonly selector?: string | undefined;
  readonly 'field-selector'?: string | undefined;
  readonly 'all-namespaces'?: boolean | undefined;
  readonly all?: boolean | undefined;
}

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** True when `-f` or `-k` was given. */
export function hasFiles(choice: Choice): boolean {
  return (choice.filename ?? []).length > 0 || choice.kustomize !== undefined;
}

/** @throws CommandLineError in kubectl's words where files and words would name two things */
export function mayNotNameBoth(words: readonly string[], choice: Choice): void {
  if (words.length === 0 || !hasFiles(choice)) return;
  throw plain(
    'when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well',
  );
}

/** @throws CommandLineError where names are given with what chooses objects otherwise */
function mayNotChooseNamed(choice: Choice): void {
  if (choice.selector === undefined && choice['field-selector'] === undefined) return;
  throw plain('name cannot be provided when a selector is specified');
}

/** The objects of `-f` and `-k` as they are written. */
export async function readManifests(
  { input }: Pick<CommandContext, 'input'>,
  choice: Choice,
): Promise<{ readonly object: KubeObject; readonly source: string }[]> {
  const texts = [];
  for (const path of choice.filename ?? []) {
    texts.push(...(await readSource(path, { recursive: choice.recursive ?? false, input })));
  }
  if (choice.kustomize !== undefined) texts.push(await buildKustomization(choice.kustomize));
  return texts.flatMap((text) =>
    parseManifests(text).map((object) => ({ object, source: text.name })),
  );
}

/** The objects of `--local`: those of files as they are written, without a server. */
export async function readLocalFiles(
  context: Pick<CommandContext, 'input'>,
  choice: Choice,
): Promise<Found[]> {
  return (await readManifests(context, choice)).map(({ object }) => {
    const { name, namespace } = object.metadata;
    return { object, ref: { resource: namedByKind(object), namespace, name } };
  });
}

/** The objects of `-f` and `-k`, each in its namespace. */
export async function readFiles(session: Session, choice: Choice): Promise<FileObject[]> {
  const made: FileObject[] = [];
  for (const { object, source } of await readManifests(session.context, choice)) {
    made.push({ object, source, ref: await placeObject(session, object, source) });
  }
  return made;
}

/** Finds an object's resource, and puts it into the session's namespace if it names none. */
export async function placeObject(
  session: Session,
  object: KubeObject,
  source: string,
): Promise<ObjectRef> {
  const { apiVersion = '', kind = '', metadata } = object;
  const resource = await session.mapper.findKind(apiVersion, kind);
  if (resource === undefined) {
    throw plain(
      `resource mapping not found for name: "${metadata.name ?? ''}" namespace: "${metadata.namespace ?? ''}" from "${source}": no matches for kind "${kind}" in version "${apiVersion}"\nensure CRDs are installed first`,
    );
  }
  if (!resource.namespaced) {
    delete metadata.namespace;
    return { resource, namespace: undefined, name: metadata.name };
  }
  const wanted = metadata.namespace;
  if (wanted !== undefined && session.enforceNamespace && wanted !== session.namespace) {
    throw plain(
      `the namespace from the provided object "${wanted}" does not match the namespace "${session.namespace}". You must pass '--namespace=${wanted}' to perform this operation.`,
    );
  }
  metadata.namespace = wanted ?? session.namespace;
  return { resource, namespace: metadata.namespace, name: metadata.name };
}

/** Gets one object, or a part of it. @throws ApiError NotFound of the namespace, where that is what is missing */
export async function fetchObject(
  session: Pick<Session, 'kube'>,
  ref: ObjectRef,
  subresource?: string,
): Promise<KubeObject> {
  try {
    return await session.kube.json<KubeObject>({ path: objectPath(ref, subresource) });
  } catch (error) {
    if (isApiError(error, 'NotFound')) await mustHaveNamespace(session, ref.namespace);
    throw error;
  }
}

async function mustHaveNamespace(
  { kube }: Pick<Session, 'kube'>,
  namespace: string | undefined,
): Promise<void> {
  if (namespace === undefined || namespace === 'default') return;
  try {
    await kube.json({ path: `/api/v1/namespaces/${encodeURIComponent(namespace)}` });
  } catch (error) {
    // Who may not look is told of the object.
    if (isApiError(error, 'NotFound')) throw error;
  }
}

/** Lists a resource's objects; each bears its kind, which lists leave out. */
export async function listObjects<T extends KubeObject = KubeObject>(
  session: Pick<Session, 'kube'>,
  resource: Resource,
  options: {
    readonly namespace?: string | undefined;
    readonly labelSelector?: string | undefined;
    readonly fieldSelector?: string | undefined;
  } = {},
): Promise<T[]> {
  const { labelSelector, fieldSelector } = options;
  const namespace = resource.namespaced ? options.namespace : undefined;
  const items: T[] = [];
  let next: string | undefined;
  do {
    const list = await session.kube.json<{
      items?: T[] | null;
      metadata?: { continue?: string };
      apiVersion?: string;
    }>({
      path: pathOf(resource, { namespace }),
      query: { labelSelector, fieldSelector, limit: '500', continue: next },
    });
    const apiVersion = list.apiVersion ?? 'v1';
    for (const item of list.items ?? []) items.push({ apiVersion, kind: resource.kind, ...item });
    next = list.metadata?.continue === '' ? undefined : list.metadata?.continue;
  } while (next !== undefined);
  return items;
}

/** An object of the cluster, and where it was named. */
export interface Found {
  readonly ref: ObjectRef;
  readonly object: KubeObject;
}

/** An object that was chosen: one of a list is there already, one that was named has to be asked for. */
export interface Chosen {
  readonly ref: ObjectRef;
  /** @throws ApiError when it is not there */
  readonly fetch: () => Promise<KubeObject>;
}

/** The cluster's objects that words or files name, as they are now. @throws as {@link chooseObjects} */
export async function findObjects(
  session: Session,
  words: readonly string[],
  choice: Choice,
): Promise<Found[]> {
  const found: Found[] = [];
  for (const { ref, fetch } of await chooseObjects(session, words, choice)) {
    found.push({ ref, object: await fetch() });
  }
  return found;
}

/**
 * What words or files name, in order; each is asked for when its turn comes, so that one that is missing does not keep
 * a command from the others.
 * @param words of the command line
 * @throws CommandLineError when nothing is named
 */
export async function chooseObjects(
  session: Session,
  words: readonly string[],
  choice: Choice,
): Promise<Chosen[]> {
  mayNotNameBoth(words, choice);
  const named = (ref: ObjectRef): Chosen => ({ ref, fetch: () => fetchObject(session, ref) });
  if (hasFiles(choice)) return (await readFiles(session, choice)).map(({ ref }) => named(ref));
  if (words.length === 0) throw missingResources();
  const chosen: Chosen[] = [];
  for (const { resource, names } of await parseSelections(session.mapper, words)) {
    const everywhere = choice['all-namespaces'] === true;
    const namespace = resource.namespaced && !everywhere ? session.namespace : undefined;
    if (names.length > 0) {
      mayNotChooseNamed(choice);
      chosen.push(...names.map((name) => named({ resource, namespace, name })));
      continue;
    }
    if (
      choice.selector === undefined &&
      choice.all !== true &&
      choice['field-selector'] === undefined
    ) {
      throw plain('resource(s) were provided, but no name was specified');
    }
    const objects = await listObjects(session, resource, {
      namespace,
      labelSelector: choice.selector,
      fieldSelector: choice['field-selector'],
    });
    for (const object of objects) {
      chosen.push({
        ref: { resource, name: object.metadata.name, namespace: object.metadata.namespace },
        fetch: () => Promise.resolve(object),
      });
    }
  }
  return chosen;
}
