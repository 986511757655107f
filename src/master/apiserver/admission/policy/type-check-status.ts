import { validatingPolicyKind } from '../../../../api/admission/policy-kinds.js';
import type { ValidatingAdmissionPolicy } from '../../../../api/admission/policy-schemas.js';
import type { ExpressionWarning, TypeCheck } from '../../../../api/admission/type-checks.js';
import { typeChecks, warningsOf } from '../../../../api/admission/type-checks.js';
import type { Effort } from '../../../../api/cel/effort.js';
import { EffortError, takeEffort } from '../../../../api/cel/effort.js';
import type { KindRegistry } from '../../../../api/registry.js';
import type { Entry } from '../../cache/entry.js';
import type { CacheEvent, CacheObserver } from '../../cache/observers.js';
import type { ResourceCache } from '../../cache/resource-cache.js';
import type { Objects } from '../../registry/objects.js';
import { isStatusError } from '../../status.js';

const retryMs = 5_000;

/** Turns of the event loop; see `RuleTurns`. */
interface Turns {
  inTurn<T>(work: (effort: Effort) => T): Promise<T>;
}

/**
 * Keeps the status of policies: which of their expressions do not fit the types of the objects, and of which generation
 * that is said. Any of the masters may write it first. One policy is checked at a time, each expression in a turn of
 * its own; one that a turn has no room for is not checked.
 * @see kubernetes pkg/controller/validatingadmissionpolicystatus
 */
export class TypeCheckStatus implements CacheObserver {
  readonly #objects: Objects;
  readonly #kinds: KindRegistry;
  readonly #turns: Turns | undefined;
  /** Names of policies; no more than there are. */
  readonly #pending = new Set<string>();
  #isBusy = false;
  #stopObserving: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;

  /** @param options without `turns`, everything is compiled at once */
  constructor(options: {
    readonly objects: Objects;
    readonly kinds: KindRegistry;
    readonly turns?: Turns | undefined;
  }) {
    this.#objects = options.objects;
    this.#kinds = options.kinds;
    this.#turns = options.turns;
  }

  /** Checks what is there and follows what comes. The cache must be loaded. */
  start(): void {
    this.#stopObserving = this.#cache().observe(this);
    this.onReset();
  }

  stop(): void {
    this.#stopObserving?.();
    this.#stopObserving = undefined;
    this.#cancelRetry?.();
    this.#pending.clear();
  }

  onEvent({ type, entry }: CacheEvent): void {
    if (type !== 'DELETED') this.#add(entry);
  }

  onReset(): void {
    for (const entry of this.#cache().list()) this.#add(entry);
  }

  #cache(): ResourceCache {
    return this.#objects.cache(validatingPolicyKind);
  }

  #add(entry: Entry): void {
    if (isChecked(entry.object<ValidatingAdmissionPolicy>())) return;
    this.#pending.add(entry.name);
    void this.#drain();
  }

  async #drain(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (const name of this.#pending) {
      this.#pending.delete(name);
      await this.#check(name).catch((error: unknown) => this.#retry(name, error));
    }
    this.#isBusy = false;
  }

  #retry(name: string, error: unknown): void {
    if (isStatusError(error, 'NotFound') || this.#stopObserving === undefined) return;
    this.#objects.log.warn({ error, policy: name }, 'the types of a policy were not checked');
    this.#cancelRetry?.();
    this.#cancelRetry = this.#objects.clock.schedule(retryMs, () => this.onReset());
  }

  async #check(name: string): Promise<void> {
    const policy = this.#cache().get(name)?.object<ValidatingAdmissionPolicy>();
    if (policy === undefined || isChecked(policy)) return;
    const { generation } = policy.metadata;
    const expressionWarnings = await this.#warnings(policy);
    const typeChecking = expressionWarnings.length === 0 ? {} : { expressionWarnings };
    await this.#objects.change({ kind: validatingPolicyKind, namespace: '', name }, (old) => {
      const present = old as ValidatingAdmissionPolicy;
      if (isChecked(present) || present.metadata.generation !== generation) return { next: old };
      const status = { ...present.status, observedGeneration: generation, typeChecking };
      const next: ValidatingAdmissionPolicy = { ...present, status };
      return { next };
    });
  }

  async #warnings(policy: ValidatingAdmissionPolicy): Promise<ExpressionWarning[]> {
    const found: { readonly fieldRef: string; readonly problem: string }[] = [];
    for (const check of typeChecks(policy, this.#kinds)) {
      const problem = await this.#run(check);
      if (problem !== undefined) found.push({ fieldRef: check.fieldRef, problem });
    }
    return warningsOf(found);
  }

  async #run({ length, run }: TypeCheck): Promise<string | undefined> {
    if (this.#turns === undefined) return run();
    try {
      return await this.#turns.inTurn((effort) => {
        takeEffort(effort, length);
        return run();
      });
    } catch (error) {
      if (error instanceof EffortError) return undefined;
      throw error;
    }
  }
}

/** True when the status is about the present generation, or a later one. */
function isChecked({ metadata, status }: ValidatingAdmissionPolicy): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 1);
}
