/**
 * Is a recorded history linearizable? The search of Wing & Gong (1993) with Lowe's cache of what was tried: walk the
 * calls in order, take one that may come next, and go back when a return is met whose call could not be placed.
 * An operation whose outcome nobody knows has no return: it may come anywhere after its call, or never.
 *
 * Exponential in the worst case, so bounded by a number of steps; beyond it the verdict is `unknown`.
 */

/** A call of a client. Times are of one monotonic clock, in any unit. */
export interface Operation<Input, Output> {
  readonly client: number;
  readonly input: Input;
  readonly calledAt: number;
  /** `Infinity` when the outcome is unknown. */
  readonly returnedAt: number;
  /** Undefined when the outcome is unknown. */
  readonly output: Output | undefined;
}

/** The specification of an object: a state machine that may have several next states. */
export interface Model<State, Input, Output> {
  readonly initial: State;
  /** The states after the operation; none when the output is impossible in this state. */
  step(state: State, input: Input, output: Output | undefined): readonly State[];
  /** Equal for equal states only. */
  keyOf(state: State): string;
  /** The independent object (the key of a key-value store) that an operation is about. */
  partitionOf(input: Input): string;
}

export type Verdict = 'valid' | 'invalid' | 'unknown';

/** `unknown`: the steps ran out. */
export interface CheckResult<Input, Output> {
  readonly verdict: Verdict;
  /** The first partition that is not valid. */
  readonly partition?: string;
  /** The longest order that was found in it; what comes next cannot be placed. */
  readonly longest?: readonly Operation<Input, Output>[];
}

interface Entry<Input, Output> {
  readonly id: number;
  readonly operation: Operation<Input, Output>;
  readonly isCall: boolean;
  /** Of a call whose outcome is known. */
  returned: Entry<Input, Output> | undefined;
  previous: Entry<Input, Output> | undefined;
  next: Entry<Input, Output> | undefined;
}

interface Choice<State, Input, Output> {
  readonly entry: Entry<Input, Output>;
  readonly before: State;
  readonly others: readonly State[];
}

function linkEntries<Input, Output>(
  operations: readonly Operation<Input, Output>[],
): Entry<Input, Output> {
  const entries: { at: number; entry: Entry<Input, Output> }[] = [];
  const links = { previous: undefined, next: undefined };
  for (const [id, operation] of operations.entries()) {
    const call = { id, operation, isCall: true, returned: undefined as never, ...links };
    entries.push({ at: operation.calledAt, entry: call });
    if (operation.returnedAt === Infinity) continue;
    const returned = { id, operation, isCall: false, returned: undefined, ...links };
    Object.assign(call, { returned });
    entries.push({ at: operation.returnedAt, entry: returned });
  }
  // A return and a call at the same instant count as concurrent: the call goes first.
  entries.sort((a, b) => a.at - b.at || Number(b.entry.isCall) - Number(a.entry.isCall));
  const head: Entry<Input, Output> = {
    id: -1,
    operation: undefined as never,
    isCall: true,
    returned: undefined,
    ...links,
  };
  let last = head;
  for (const { entry } of entries) {
    last.next = entry;
    entry.previous = last;
    last = entry;
  }
  return head;
}

function unlink<Input, Output>(entry: Entry<Input, Output>): void {
  if (entry.previous !== undefined) entry.previous.next = entry.next;
  if (entry.next !== undefined) entry.next.previous = entry.previous;
}

function relink<Input, Output>(entry: Entry<Input, Output>): void {
  if (entry.previous !== undefined) entry.previous.next = entry;
  if (entry.next !== undefined) entry.next.previous = entry;
}

/** The set of operations that were placed, with the state after them. */
class Tried {
  readonly #words: Uint16Array;
  readonly #seen = new Set<string>();

  constructor(count: number) {
    this.#words = new Uint16Array(Math.ceil(count / 16));
  }

  toggle(id: number): void {
    const word = id >>> 4;
    this.#words[word] = (this.#words[word] ?? 0) ^ (1 << (id & 15));
  }

  /** True when it was not there yet. */
  add(stateKey: string): boolean {
    const key = `${String.fromCharCode(...this.#words)}|${stateKey}`;
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    return true;
  }
}

class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #head: Entry<Input, Output>;
  readonly #tried: Tried;
  readonly #stack: Choice<State, Input, Output>[] = [];
  #state: State;
  longest: readonly Operation<Input, Output>[] = [];
  steps = 0;

  constructor(model: Model<State, Input, Output>, operations: readonly Operation<Input, Output>[]) {
    this.#model = model;
    this.#state = model.initial;
    this.#head = linkEntries(operations);
    this.#tried = new Tried(operations.length);
  }

  run(maxSteps: number): Verdict {
    let entry = this.#head.next;
    while (entry !== undefined) {
      if (++this.steps > maxSteps) return 'unknown';
      if (entry.isCall) {
        const { input, output } = entry.operation;
        const after = this.#model.step(this.#state, input, output);
        entry = this.#place(entry, after, this.#state) ? this.#head.next : entry.next;
        continue;
      }
      this.#remember();
      const next = this.#goBack();
      if (next === undefined) return 'invalid';
      entry = next;
    }
    return 'valid';
  }

  /** Places the call with the first of the states that was not tried. */
  #place(entry: Entry<Input, Output>, states: readonly State[], before: State): boolean {
    this.#tried.toggle(entry.id);
    for (const [at, state] of states.entries()) {
      if (!this.#tried.add(this.#model.keyOf(state))) continue;
      this.#stack.push({ entry, before, others: states.slice(at + 1) });
      this.#state = state;
      unlink(entry);
      if (entry.returned !== undefined) unlink(entry.returned);
      return true;
    }
    this.#tried.toggle(entry.id);
    return false;
  }

  #remember(): void {
    if (this.#stack.length > this.longest.length) {
      this.longest = this.#stack.map((choice) => choice.entry.operation);
    }
  }

  /** Takes the last choice back. @returns where to walk on; undefined when nothing is left to try */
  #goBack(): Entry<Input, Output> | undefined {
    for (;;) {
      const choice = this.#stack.pop();
      if (choice === undefined) return undefined;
      const { entry } = choice;
      this.#tried.toggle(entry.id);
      if (entry.returned !== undefined) relink(entry.returned);
      relink(entry);
      this.#state = choice.before;
      if (this.#place(entry, choice.others, choice.before)) return this.#head.next;
      if (entry.next !== undefined) return entry.next;
    }
  }
}

/**
 * Checks each partition on its own: linearizability is local (Herlihy & Wing 1990, theorem 1).
 * @param options.maxSteps per partition
 */
export function checkLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  options: { readonly maxSteps?: number } = {},
): CheckResult<Input, Output> {
  const partitions = new Map<string, Operation<Input, Output>[]>();
  for (const operation of history) {
    const name = model.partitionOf(operation.input);
    const list = partitions.get(name);
    if (list === undefined) partitions.set(name, [operation]);
    else list.push(operation);
  }
  let unknown: CheckResult<Input, Output> | undefined;
  for (const [partition, operations] of partitions) {
    const search = new Search(model, operations);
    const verdict = search.run(options.maxSteps ?? 2_000_000);
    const result = { verdict, partition, longest: search.longest };
    if (verdict === 'invalid') return result;
    if (verdict === 'unknown') unknown ??= result;
  }
  return unknown ?? { verdict: 'valid' };
}
