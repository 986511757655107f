import { kindsOfDefinition } from '../../../api/apiextensions/custom-kind.js';
import type { CustomResourceDefinition } from '../../../api/apiextensions/schemas.js';
import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import type { KindRegistry } from '../../../api/registry.js';
import type { CacheEvent, CacheObserver } from '../cache/resource-cache.js';
import type { Entry } from '../cache/entry.js';
import type { Objects } from '../registry/objects.js';
import { isStatusError } from '../status.js';

const storage = { group: 'apiextensions.k8s.io', plural: 'customresourcedefinitions' };
const finalizer = 'customresourcecleanup.apiextensions.k8s.io';

interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  lastTransitionTime: string;
}

/**
 * Makes kinds from definitions as they come, change and go, on every master; and keeps the definitions' status, which
 * any of the masters may write first.
 */
export class DefinitionController implements CacheObserver {
  readonly #objects: Objects;
  readonly #kinds: KindRegistry;
  readonly #onKind: (kind: KindDeclaration) => void;
  readonly #declared = new Map<string, readonly KindDeclaration[]>();
  #stopObserving: (() => void) | undefined;

  constructor(options: {
    readonly objects: Objects;
    readonly kinds: KindRegistry;
    readonly onKind: (kind: KindDeclaration) => void;
  }) {
    this.#objects = options.objects;
    this.#kinds = options.kinds;
    this.#onKind = options.onKind;
  }

  /** Declares what is there and follows what comes. The cache must be loaded. */
  start(): void {
    const cache = this.#objects.cache({ storage });
    for (const entry of cache.list()) this.#declare(entry);
    this.#stopObserving = cache.observe(this);
  }

  stop(): void {
    this.#stopObserving?.();
  }

  onEvent(event: CacheEvent): void {
    if (event.type === 'DELETED') this.#withdraw(event.entry.name);
    else this.#declare(event.entry);
  }

  onReset(): void {
    const present = new Set(
      [...this.#objects.cache({ storage }).list()].map((entry) => entry.name),
    );
    for (const name of this.#declared.keys()) if (!present.has(name)) this.#withdraw(name);
    for (const entry of this.#objects.cache({ storage }).list()) this.#declare(entry);
  }

  #declare(entry: Entry): void {
    const definition = entry.object() as unknown as CustomResourceDefinition;
    try {
      const kinds = kindsOfDefinition(definition);
      this.#withdraw(entry.name);
      for (const kind of kinds) {
        this.#kinds.add(kind);
        this.#onKind(kind);
      }
      this.#declared.set(entry.name, kinds);
    } catch (error) {
      this.#objects.log.warn({ error, definition: entry.name }, 'a definition cannot be served');
      return;
    }
    void this.#keep(entry).catch((error: unknown) => {
      if (isStatusError(error)) return;
      this.#objects.log.warn(
        { error, definition: entry.name },
        'the status of a definition was not kept',
      );
    });
  }

  #withdraw(name: string): void {
    for (const kind of this.#declared.get(name) ?? []) this.#kinds.remove(kind);
    this.#declared.delete(name);
  }

  async #keep(entry: Entry): Promise<void> {
    const kind = this.#kinds.byKind(storage.group, 'v1', 'CustomResourceDefinition');
    if (kind === undefined) return;
    const place = { kind, namespace: '', name: entry.name };
    if (entry.object().metadata.deletionTimestamp !== undefined) {
      await this.#cleanUp(entry);
      await this.#objects.change(place, (old) => {
        const finalizers = (old.metadata.finalizers ?? []).filter((f) => f !== finalizer);
        if (finalizers.length === 0) return { next: undefined };
        return { next: { ...old, metadata: { ...old.metadata, finalizers } } };
      });
      return;
    }
    if (isEstablished(entry.object())) return;
    const now = this.#objects.now();
    await this.#objects.change(place, (old) => ({ next: established(old, now) }));
  }

  /** Removes all objects of a definition that is going away. */
  async #cleanUp(entry: Entry): Promise<void> {
    const definition = entry.object() as unknown as CustomResourceDefinition;
    const [kind] = kindsOfDefinition(definition);
    if (kind === undefined) return;
    for (const found of [...this.#objects.cache(kind).list()]) {
      const place = { kind, namespace: found.namespace, name: found.name };
      try {
        await this.#objects.change(place, () => ({ next: undefined }));
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    }
  }
}

interface Definition extends KubeObject {
  spec: { names: object; versions: { name: string; storage: boolean }[] };
  status?: { conditions?: Condition[]; acceptedNames?: object; storedVersions?: string[] };
}

function isEstablished(object: KubeObject): boolean {
  const { status, metadata, spec } = object as Definition;
  const stored = spec.versions.find((version) => version.storage)?.name ?? '';
  return (
    status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True') === true &&
    status.storedVersions?.includes(stored) === true &&
    metadata.finalizers?.includes(finalizer) === true
  );
}

function established(object: KubeObject, now: string): KubeObject {
  const definition = object as Definition;
  const condition = (type: string, reason: string, message: string): Condition => ({
    type,
    status: 'True',
    reason,
    message,
    lastTransitionTime: now,
  });
  const stored = definition.spec.versions.find((version) => version.storage)?.name ?? '';
  const versions = new Set([...(definition.status?.storedVersions ?? []), stored]);
  const finalizers = new Set([...(definition.metadata.finalizers ?? []), finalizer]);
  return {
    ...definition,
    metadata: { ...definition.metadata, finalizers: [...finalizers] },
    status: {
      conditions: [
        condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
        condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
      ],
      acceptedNames: definition.spec.names,
      storedVersions: [...versions],
    },
  } as KubeObject;
}
