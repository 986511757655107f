/** What comes next in a rotation of keys, by what masters and nodes say: pure. */
import { assertNever } from '../../lib/assert.js';
import type { Rotation, RotationStep } from '../../master/cluster/rotation.js';
import { hasFollowed } from '../../master/cluster/rotation.js';

/** A node, by what it says of the authorities. */
export interface RotatingNode {
  readonly name: string;
  readonly isReady: boolean;
  /** Hashes of the authorities that it believes. */
  readonly believes: readonly string[];
  /** The hash of the authority that signed its certificates. */
  readonly signedBy: string;
}

/** All that a rotation depends on. */
export interface RotationFacts {
  readonly rotation: Rotation;
  /** The masters that are members of the store, with the mark of the last step that each followed. */
  readonly masters: readonly { readonly name: string; readonly mark: string }[];
  readonly nodes: readonly RotatingNode[];
  /** The hash of the new authority; empty where it stays. */
  readonly newAuthority: string;
  /** Nodes that may be left behind: they join again. */
  readonly without: readonly string[];
  readonly nowMs: number;
  /** So long a token may live that was signed with the old key. */
  readonly tokenLifeMs: number;
}

/** The next thing to do. */
export type NextAction =
  | { readonly kind: 'wait'; readonly for: readonly string[] }
  | { readonly kind: 'advance'; readonly to: RotationStep }
  | { readonly kind: 'rewrite' }
  /** Nothing is left to do before that time. */
  | { readonly kind: 'later'; readonly atMs: number }
  | { readonly kind: 'finish' };

/** Decides what comes next. A node or master that has not followed holds everything up: it would be shut out. */
export function nextAction(facts: RotationFacts): NextAction {
  const { rotation, nowMs } = facts;
  const behind = [...mastersBehind(facts), ...nodesBehind(facts)];
  if (behind.length > 0) return { kind: 'wait', for: behind };
  switch (rotation.step) {
    case 'trust':
      return { kind: 'advance', to: 'use' };
    case 'use': {
      if (!rotation.rewritten) return { kind: 'rewrite' };
      const atMs = rotation.sinceMs + facts.tokenLifeMs;
      const waits = rotation.parts.includes('service-account') && nowMs < atMs;
      return waits ? { kind: 'later', atMs } : { kind: 'advance', to: 'drop' };
    }
    case 'drop':
      return { kind: 'finish' };
    default:
      return assertNever(rotation.step);
  }
}

function mastersBehind({ rotation, masters }: RotationFacts): string[] {
  return masters
    .filter(({ mark }) => !hasFollowed(mark, rotation))
    .map(({ name }) => `the master ${name}`);
}

function nodesBehind({ rotation, nodes, newAuthority, without }: RotationFacts): string[] {
  if (newAuthority === '') return [];
  const follows = ({ believes, signedBy }: RotatingNode): boolean =>
    rotation.step === 'trust' ? believes.includes(newAuthority) : signedBy === newAuthority;
  return nodes
    .filter((node) => !without.includes(node.name) && !follows(node))
    .map(({ name, isReady }) => `the node ${name}${isReady ? '' : ', which is not ready'}`);
}

const words: Readonly<Record<RotationStep, string>> = {
  trust: 'what is new is believed everywhere beside what is old',
  use: 'what is new signs and encrypts; certificates are made anew',
  drop: 'what is old is believed no more',
};

/** Says a step. */
export function stepText(step: RotationStep): string {
  return words[step];
}
