import { kindsOfDefinition } from '../../../api/apiextensions/custom-kind.js';
import { customResourceDefinitionKind } from '../../../api/apiextensions/definition.js';
import type { CustomResourceDefinition } from '../../../api/apiextensions/schemas.js';
import { deepEqual } from '../../../api/equal.js';
import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import type { KindRegistry } from '../../../api/registry.js';
import type { Entry } from '../cache/entry.js';
import type { CacheEvent, CacheObserver } from '../cache/observers.js';
import type { ResourceCache } from '../cache/resource-cache.js';
import type { Objects } from '../registry/objects.js';
import { isStatusError } from '../status.js';
import { storageId } from '../storage/keys.js';
import { cleanUpDefinition } from './cleanup.js';
import { conditionOf, desiredStatus } from '../../../api/apiextensions/definition-status.js';
import type { Names } from '../../../api/apiextensions/definition-status.js';

const kind: KindDeclaration = customResourceDefinitionKind;
const firstRetryMs = 50;
const maxRetryMs = 5_000;

/** The kinds that are served of one definition, and the spec and names that they were made from. */
interface Declared {
  readonly spec: CustomResourceDefinition['spec'];
  readonly names: Names;
  readonly kinds: readonly KindDeclaration[];
}

/**
 * Makes kinds from definitions as they come, change and go, on every master; and keeps the definitions' status, which
 * any of the masters may write first.
 */
export class DefinitionController implements CacheObserver {
  readonly #objects: Objects;
  readonly #kinds: KindRegistry;
  readonly #onKind: (kind: KindDeclaration) => void;
  readonly #declared = new Map<string, Declared>();
  /** Definitions that are being worked on; true asks for another round. */
  readonly #busy = new Map<string, boolean>();
  readonly #timers = new Map<string, () => void>();
  #stopObserving: (() => void) | undefined;

  /** @param options `onKind` is told of each kind before it is served */
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
    this.#stopObserving = this.#cache().observe(this);
    for (const entry of this.#cache().list()) this.#declare(entry);
  }

  stop(): void {
    this.#stopObserving?.();
    // A round that is under way does not ask for another.
    this.#stopObserving = undefined;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  onEvent(event: CacheEvent): void {
    if (event.type !== 'DELETED') return this.#declare(event.entry);
    this.#withdraw(event.entry.name, true);
    const gone = definitionOf(event.entry);
    for (const entry of this.#cache().list()) {
      const other = definitionOf(entry);
      const waits = conditionOf(other, 'NamesAccepted') !== 'True';
      if (waits && other.spec.group === gone.spec.group) this.#declare(entry);
    }
  }

  onReset(): void {
    const present = new Set([...this.#cache().list()].map((entry) => entry.name));
    for (const name of this.#declared.keys()) if (!present.has(name)) this.#withdraw(name, true);
    for (const entry of this.#cache().list()) this.#declare(entry);
  }

  #cache(): ResourceCache {
    return this.#objects.cache(kind);
  }

  #all(): CustomResourceDefinition[] {
    return [...this.#cache().list()].map(definitionOf);
  }

  /** Serves what the definition says now, and sees to its status. */
  #declare(entry: Entry): void {
    const definition = definitionOf(entry);
    const status = desiredStatus(definition, this.#all(), this.#objects.now());
    const served = conditionOf({ ...definition, status }, 'Established') === 'True';
    if (served && status.acceptedNames !== undefined) {
      this.#serve(entry.name, definition, status.acceptedNames);
    } else this.#withdraw(entry.name, false);
    const leaves = definition.metadata.deletionTimestamp !== undefined;
    if (leaves || status !== definition.status) this.#work(entry.name, firstRetryMs);
  }

  #serve(name: string, definition: CustomResourceDefinition, names: Names): void {
    const present = this.#declared.get(name);
    const { spec } = definition;
    if (present !== undefined && deepEqual(present.spec, spec) && deepEqual(present.names, names)) {
      return;
    }
    try {
      const kinds = kindsOfDefinition({ ...definition, spec: { ...spec, names } });
      this.#withdraw(name, false);
      for (const made of kinds) {
        this.#onKind(made);
        this.#kinds.add(made);
      }
      this.#declared.set(name, { spec, names, kinds });
    } catch (error) {
      this.#objects.log.warn({ error, definition: name }, 'a definition cannot be served');
    }
  }

  #withdraw(name: string, forGood: boolean): void {
    const declared = this.#declared.get(name);
    if (declared === undefined) return;
    for (const made of declared.kinds) this.#kinds.remove(made);
    this.#declared.delete(name);
    const [first] = declared.kinds;
    if (forGood && first !== undefined) this.#objects.watchCache.drop(storageId(first.storage));
  }

  /** Brings one definition forward; one round at a time, again later when it fails or has to wait. */
  #work(name: string, retryMs: number): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
    if (this.#busy.has(name)) {
      this.#busy.set(name, true);
      return;
    }
    this.#busy.set(name, false);
    void this.#step(name).then(
      (done) => this.#rest(name, done, retryMs),
      (error: unknown) => {
        if (!isStatusError(error)) {
          this.#objects.log.warn({ error, definition: name }, 'a definition was not kept');
        }
        this.#rest(name, isStatusError(error, 'NotFound'), retryMs);
      },
    );
  }

  #rest(name: string, done: boolean, retryMs: number): void {
    const again = this.#busy.get(name) === true;
    this.#busy.delete(name);
    if (this.#stopObserving === undefined) return;
    if (again) this.#work(name, firstRetryMs);
    else if (!done) {
      const next = Math.min(retryMs * 2, maxRetryMs);
      const cancel = this.#objects.clock.schedule(retryMs, () => this.#work(name, next));
      this.#timers.set(name, cancel);
    }
  }

  /** @returns false when there is more to wait for */
  async #step(name: string): Promise<boolean> {
    const entry = this.#cache().get(name);
    if (entry === undefined) return true;
    if (entry.object().metadata.deletionTimestamp !== undefined) {
      const kinds = kindsOfDefinition(allServed(definitionOf(entry)));
      // No webhook is needed for what is in the stored version already.
      const instances = kinds.find(({ version, versions }) => version === versions?.stored);
      return cleanUpDefinition(this.#objects, { kind, name, instances });
    }
    const all = this.#all();
    await this.#objects.change({ kind, namespace: '', name }, (old) => {
      const definition = old as CustomResourceDefinition;
      if (definition.metadata.deletionTimestamp !== undefined) return { next: old };
      const status = desiredStatus(definition, all, this.#objects.now());
      return { next: status === definition.status ? old : ({ ...old, status } as KubeObject) };
    });
    return true;
  }
}

function definitionOf(entry: Entry): CustomResourceDefinition {
  return entry.object<CustomResourceDefinition>();
}

/** The definition with every version served: its objects are there all the same. */
function allServed(definition: CustomResourceDefinition): CustomResourceDefinition {
  const versions = definition.spec.versions.map((version) => ({ ...version, served: true }));
  return { ...definition, spec: { ...definition.spec, versions } };
}
