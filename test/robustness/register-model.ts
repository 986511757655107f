/** The model of a key of etcd: a value with its mod revision and version. */
import { assertNever } from '../../src/lib/assert.js';
import type { Model } from './linearizability.js';

/** A client's request about one key. */
export type Input =
  | { readonly kind: 'get'; readonly key: string }
  | { readonly kind: 'put'; readonly key: string; readonly value: string }
  | {
      /** A txn: put if the mod revision is as expected (0: there is no such key), else get. */
      readonly kind: 'cas';
      readonly key: string;
      readonly expected: number;
      readonly value: string;
    }
  | { readonly kind: 'delete'; readonly key: string };

/** A key-value pair as it was answered. */
export interface Found {
  readonly value: string;
  readonly modRevision: number;
  readonly version: number;
}

/** The answer to a client. */
export interface Output {
  /** The header's revision: of a write that changed something, its own. */
  readonly revision: number;
  /** The pair that a get, or the else branch of a cas, found. */
  readonly found?: Found | undefined;
  /** Of a cas or a delete: whether it changed anything. Always so for a put. */
  readonly changed: boolean;
}

/** `exact` is false after a write whose revision nobody was told: it is then some number above `revision`. */
export interface RegisterState {
  readonly value: string | undefined;
  readonly revision: number;
  readonly exact: boolean;
  readonly version: number;
}

const absent: RegisterState = { value: undefined, revision: 0, exact: true, version: 0 };

function observe(state: RegisterState, output: Output): readonly RegisterState[] {
  const { found } = output;
  if (found === undefined) {
    return state.value === undefined && output.revision >= lowest(state) ? [state] : [];
  }
  if (found.value !== state.value || found.version !== state.version) return [];
  if (found.modRevision > output.revision) return [];
  if (state.exact) return found.modRevision === state.revision ? [state] : [];
  if (found.modRevision <= state.revision) return [];
  return [{ ...state, revision: found.modRevision, exact: true }];
}

/** The least revision that the state's last write can have. */
function lowest(state: RegisterState): number {
  return state.exact ? state.revision : state.revision + 1;
}

function write(
  state: RegisterState,
  value: string | undefined,
  output: Output | undefined,
): readonly RegisterState[] {
  const version = value === undefined ? 0 : state.version + 1;
  if (output === undefined) return [{ value, revision: lowest(state), exact: false, version }];
  if (output.revision <= lowest(state)) return [];
  return [{ value, revision: output.revision, exact: true, version }];
}

function mayMatch(state: RegisterState, expected: number): boolean {
  if (expected === 0 || state.value === undefined) {
    return expected === 0 && state.value === undefined;
  }
  return state.exact ? state.revision === expected : expected > state.revision;
}

function compareAndSwap(
  state: RegisterState,
  input: Extract<Input, { kind: 'cas' }>,
  output: Output | undefined,
): readonly RegisterState[] {
  const matches = mayMatch(state, input.expected);
  const matched =
    matches && !state.exact && input.expected > 0
      ? { ...state, revision: input.expected, exact: true }
      : state;
  if (output === undefined) return matches ? write(matched, input.value, output) : [state];
  if (output.changed) return matches ? write(matched, input.value, output) : [];
  return observe(state, output).filter((after) => !mayMatch(after, input.expected) || !after.exact);
}

function step(
  state: RegisterState,
  input: Input,
  output: Output | undefined,
): readonly RegisterState[] {
  switch (input.kind) {
    case 'get':
      return output === undefined ? [state] : observe(state, output);
    case 'put':
      return write(state, input.value, output);
    case 'cas':
      return compareAndSwap(state, input, output);
    case 'delete':
      if (output === undefined) {
        return state.value === undefined ? [state] : write(state, undefined, output);
      }
      if (output.changed) return state.value === undefined ? [] : write(state, undefined, output);
      return state.value === undefined && output.revision >= lowest(state) ? [state] : [];
    default:
      return assertNever(input);
  }
}

/** The register: put, get, compare and swap on the mod revision, delete. */
export const registerModel: Model<RegisterState, Input, Output> = {
  initial: absent,
  step,
  keyOf: (state) =>
    `${state.version},${state.revision},${state.exact ? 1 : 0},${state.value ?? ''}`,
  partitionOf: (input) => input.key,
};
