/**
 * Decides what happens to one object of the graph: left, deleted, set free, or asked about first. Pure.
 * @see kubernetes pkg/controller/garbagecollector/garbagecollector.go attemptToDeleteItem, attemptToOrphan
 */
import type { KubeObject, OwnerReference } from '../../../api/object.js';
import { parseGroupVersion } from '../../../api/object.js';
import type { CatalogEntry } from '../../../client/controller/catalog.js';
import type { OwnerPlace } from './absent.js';
import type { Graph, GraphNode } from './graph.js';
import {
  awaitsDependents,
  awaitsOrphaning,
  foregroundFinalizer,
  isForegroundDeleted,
  orphanFinalizer,
} from './graph.js';

/** The first step with an object, by what the graph alone knows. */
export type Step =
  | { readonly type: 'leave' }
  /** Takes the owner out of its dependents, then the finalizer off the owner. */
  | { readonly type: 'orphan'; readonly dependents: readonly GraphNode[] }
  /** All blocking dependents are gone. */
  | { readonly type: 'finishForeground' }
  /** Dependents that block the owner are looked at. */
  | { readonly type: 'awaitDependents'; readonly uids: readonly string[] }
  /** Its owners decide. */
  | { readonly type: 'judge' };

/** Decides the first step with an object. */
export function planStep(graph: Pick<Graph, 'blocking' | 'dependents'>, node: GraphNode): Step {
  if (node.virtual) return { type: 'leave' };
  if (awaitsOrphaning(node)) return { type: 'orphan', dependents: graph.dependents(node) };
  if (awaitsDependents(node)) {
    const blocking = graph.blocking(node);
    if (blocking.length === 0) return { type: 'finishForeground' };
    const uids = blocking.filter(({ deleting }) => !deleting).map(({ uid }) => uid);
    return { type: 'awaitDependents', uids };
  }
  return node.deleting || node.owners.length === 0 ? { type: 'leave' } : { type: 'judge' };
}

/**
 * The state of an owner: `solid` is there, `waiting` is there until its dependents are gone (foreground deletion),
 * `dangling` is not there. `unknown` can not be told, now or ever: nothing is deleted for it.
 */
export type OwnerState = 'solid' | 'waiting' | 'dangling' | 'unknown';

/** The state of the owner that a dependent refers to, as far as it is known here. */
export type OwnerFinding =
  | { readonly state: Exclude<OwnerState, 'unknown'> }
  /** `retry`: the kind may yet come. A cluster-scoped object never has a namespaced owner. */
  | { readonly state: 'unknown'; readonly retry: boolean }
  /** The API server must be asked for it. */
  | { readonly ask: CatalogEntry; readonly place: OwnerPlace };

/** The knowledge that judges an owner reference. */
export interface OwnerKnowledge {
  readonly graph: Pick<Graph, 'get'>;
  readonly absent: { has(place: OwnerPlace): boolean };
  readonly byKind: (apiVersion: string, kind: string) => CatalogEntry | undefined;
}

/**
 * Finds the state of one owner. An owner in the graph counts only where the reference leads to it: its kind and name,
 * and the dependent's namespace unless it has none. A uid from elsewhere is not an owner.
 */
export function findOwner(
  dependent: GraphNode,
  reference: OwnerReference,
  { graph, absent, byKind }: OwnerKnowledge,
): OwnerFinding {
  const { namespace } = dependent.key;
  const owner = graph.get(reference.uid);
  if (owner !== undefined && leadsTo(reference, namespace, owner)) {
    return { state: awaitsDependents(owner) ? 'waiting' : 'solid' };
  }
  const entry = byKind(reference.apiVersion, reference.kind);
  if (entry === undefined) return { state: 'unknown', retry: true };
  if (entry.namespaced && namespace === undefined) return { state: 'unknown', retry: false };
  const place = { reference, namespace: entry.namespaced ? namespace : undefined };
  return absent.has(place) ? { state: 'dangling' } : { ask: entry, place };
}

function leadsTo(reference: OwnerReference, from: string | undefined, owner: GraphNode): boolean {
  const { entry, key, virtual } = owner;
  if (virtual || entry === undefined) return false;
  return (
    reference.name === key.name &&
    reference.kind === entry.kind &&
    parseGroupVersion(reference.apiVersion).group === entry.group &&
    (key.namespace === undefined || key.namespace === from)
  );
}

/**
 * Finds references to an owner that was seen, in another namespace than the dependent's.
 * @returns the message of the event OwnerRefInvalidNamespace for each
 */
export function strayReferences(dependent: GraphNode, graph: Pick<Graph, 'get'>): string[] {
  const { namespace = '' } = dependent.key;
  return dependent.owners.flatMap((reference) => {
    const owner = graph.get(reference.uid);
    if (owner === undefined || owner.virtual) return [];
    if (owner.key.namespace === undefined || owner.key.namespace === namespace) return [];
    const { apiVersion, kind, name, uid } = reference;
    const text = `[${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`;
    return [`ownerRef ${text} does not exist in namespace ${JSON.stringify(namespace)}`];
  });
}

/** The state of an owner by the API server's answer; undefined where it is not there. */
export function stateOfAnswer(
  reference: OwnerReference,
  answer: KubeObject | undefined,
): 'solid' | 'waiting' | 'dangling' {
  if (answer === undefined || answer.metadata.uid !== reference.uid) return 'dangling';
  return isForegroundDeleted(answer) ? 'waiting' : 'solid';
}

/** The treatment of a deleted object's dependents. */
export type Propagation = 'Orphan' | 'Foreground' | 'Background';

/** The decision about an object by the state of its owners. */
export type Judgement =
  | { readonly type: 'leave'; readonly retry: boolean }
  /** Some owners are left: references to the others go. */
  | { readonly type: 'dropOwners'; readonly uids: ReadonlySet<string> }
  /** No owner is left. `unblock`: before that its references no longer block, which breaks a circle. */
  | { readonly type: 'delete'; readonly policy: Propagation; readonly unblock: boolean };

/** An owner reference and what was found of it. */
export interface FoundOwner {
  readonly reference: OwnerReference;
  readonly state: OwnerState;
  readonly retry?: boolean;
}

/** Judges an object by its owners. */
export function judge(
  node: GraphNode,
  owners: readonly FoundOwner[],
  dependents: readonly GraphNode[],
): Judgement {
  if (owners.some(({ state }) => state === 'unknown')) {
    return { type: 'leave', retry: owners.some(({ retry }) => retry === true) };
  }
  const inState = (wanted: OwnerState): FoundOwner[] =>
    owners.filter(({ state }) => state === wanted);
  const waiting = inState('waiting');
  if (inState('solid').length > 0) {
    const lost = [...inState('dangling'), ...waiting].map(({ reference }) => reference.uid);
    return lost.length === 0
      ? { type: 'leave', retry: false }
      : { type: 'dropOwners', uids: new Set(lost) };
  }
  if (waiting.length > 0 && dependents.length > 0) {
    // A dependent that waits for its own dependents may be the owner that this object blocks.
    const circle = dependents.some(awaitsDependents);
    const blocks = node.owners.some(({ blockOwnerDeletion }) => blockOwnerDeletion === true);
    return { type: 'delete', policy: 'Foreground', unblock: circle && blocks };
  }
  return { type: 'delete', policy: policyOf(node), unblock: false };
}

/** An object that already carries the finalizer of a policy is deleted by that policy. */
function policyOf({ finalizers }: GraphNode): Propagation {
  if (finalizers.includes(orphanFinalizer)) return 'Orphan';
  return finalizers.includes(foregroundFinalizer) ? 'Foreground' : 'Background';
}
