/**
 * Runs one scheduling cycle: finds the node for a pod, or the reasons why none fits. Synchronous; changes nothing but
 * the cache of answers.
 *
 * Cost: pods of one class (template) share what plugins say that look at one node only. An answer holds while the
 * node's generation does, so after a bind one node of N is asked again: a cycle is N map look-ups and additions, and
 * the global plugins (spread, pod affinity, volumes) only for pods that use them.
 */
import type { Prng } from '../../lib/prng.js';
import type { NodeInfo } from './node-info.js';
import type { PodInfo } from './pod-info.js';
import { classOf } from './pod-info.js';
import { filterPlugins, scorePlugins } from './plugins/index.js';
import { addNormalized } from './plugins/normalize.js';
import type {
  ClusterView,
  Failure,
  FilterPlugin,
  NodeFilter,
  NodeScore,
  Rejection,
} from './plugins/types.js';

/** The outcome of filters and scores: a node, a plugin's rejection, or each node's failure by its name. */
export type Placement =
  | { readonly type: 'node'; readonly node: NodeInfo; readonly feasible: number }
  | { readonly type: 'rejected'; readonly rejection: Rejection }
  | { readonly type: 'unschedulable'; readonly failures: ReadonlyMap<string, Failure> };

interface LocalAnswer {
  readonly generation: number;
  readonly failure: Failure | undefined;
  readonly scores: readonly number[];
}

interface PodClass {
  readonly filters: readonly NodeFilter[];
  readonly scores: readonly (NodeScore | undefined)[];
  readonly answers: Map<string, LocalAnswer>;
}

const classLimit = 500;
const localFilters = filterPlugins.filter((plugin) => plugin.local);
const globalFilters = filterPlugins.filter((plugin) => !plugin.local);
const localScores = scorePlugins.filter((plugin) => plugin.local);
const globalScores = scorePlugins.filter((plugin) => !plugin.local);

type PreparedFilters =
  | { readonly type: 'filters'; readonly filters: NodeFilter[] }
  | { readonly type: 'rejected'; readonly rejection: Rejection };

function prepareFilters(
  plugins: readonly FilterPlugin[],
  pod: PodInfo,
  view: ClusterView,
): PreparedFilters {
  const filters: NodeFilter[] = [];
  for (const plugin of plugins) {
    const prepared = plugin.prepare(pod, view);
    if (prepared === undefined) continue;
    if (typeof prepared !== 'function') {
      return { type: 'rejected', rejection: { plugin: plugin.name, message: prepared.reject } };
    }
    filters.push(prepared);
  }
  return { type: 'filters', filters };
}

function firstFailure(filters: readonly NodeFilter[], node: NodeInfo): Failure | undefined {
  for (const filter of filters) {
    const failure = filter(node);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

/** Why the pod does not fit on `node`, in a view that may be hypothetical; undefined when it does. */
export function checkNode(pod: PodInfo, node: NodeInfo, view: ClusterView): Failure | undefined {
  const prepared = prepareFilters(filterPlugins, pod, view);
  if (prepared.type === 'filters') return firstFailure(prepared.filters, node);
  const { plugin, message } = prepared.rejection;
  return { plugin, reasons: [message], unresolvable: true };
}

/** Finds the best node for a pod, and keeps the answers of local plugins for pods of the same class. */
export class Placer {
  readonly #classes = new Map<string, PodClass>();
  readonly #prng: Prng;

  /** @param prng breaks ties */
  constructor(prng: Prng) {
    this.#prng = prng;
  }

  place(pod: PodInfo, view: ClusterView, nominated?: NodeInfo): Placement {
    const global = prepareFilters(globalFilters, pod, view);
    if (global.type === 'rejected') return global;
    const own = this.#classOf(pod, view);
    const feasible: { node: NodeInfo; answer: LocalAnswer }[] = [];
    const failures = new Map<string, Failure>();
    for (const node of view.nodes) {
      const answer = this.#answer(own, node);
      const failure = answer.failure ?? firstFailure(global.filters, node);
      if (failure === undefined) feasible.push({ node, answer });
      else failures.set(node.name, failure);
    }
    const reserved = feasible.find(({ node }) => node === nominated);
    if (reserved !== undefined) {
      return { type: 'node', node: reserved.node, feasible: feasible.length };
    }
    const first = feasible[0];
    if (first === undefined) return { type: 'unschedulable', failures };
    if (feasible.length === 1) return { type: 'node', node: first.node, feasible: 1 };
    const totals = this.#score(pod, view, feasible);
    return { type: 'node', node: this.#best(feasible, totals), feasible: feasible.length };
  }

  /** Forgets the answers about a node that is gone. */
  forgetNode(name: string): void {
    for (const podClass of this.#classes.values()) podClass.answers.delete(name);
  }

  #classOf(pod: PodInfo, view: ClusterView): PodClass {
    const key = classOf(pod);
    let known = this.#classes.get(key);
    if (known === undefined) {
      const prepared = prepareFilters(localFilters, pod, view);
      known = {
        filters: prepared.type === 'filters' ? prepared.filters : [],
        scores: localScores.map((plugin) => plugin.prepare(pod, view, [])),
        answers: new Map(),
      };
    } else this.#classes.delete(key);
    this.#classes.set(key, known);
    if (this.#classes.size > classLimit) {
      const oldest = this.#classes.keys().next();
      if (oldest.done !== true) this.#classes.delete(oldest.value);
    }
    return known;
  }

  #answer(podClass: PodClass, node: NodeInfo): LocalAnswer {
    const known = podClass.answers.get(node.name);
    if (known !== undefined && known.generation === node.generation) return known;
    const failure = firstFailure(podClass.filters, node);
    const scores = failure === undefined ? podClass.scores.map((score) => score?.(node) ?? 0) : [];
    const answer = { generation: node.generation, failure, scores };
    podClass.answers.set(node.name, answer);
    return answer;
  }

  #score(
    pod: PodInfo,
    view: ClusterView,
    feasible: readonly { node: NodeInfo; answer: LocalAnswer }[],
  ): Float64Array {
    const totals = new Float64Array(feasible.length);
    for (const [index, plugin] of localScores.entries()) {
      const raw = feasible.map(({ answer }) => answer.scores[index] ?? 0);
      addNormalized(totals, raw, plugin);
    }
    const nodes = feasible.map(({ node }) => node);
    for (const plugin of globalScores) {
      const score = plugin.prepare(pod, view, nodes);
      if (score !== undefined) addNormalized(totals, nodes.map(score), plugin);
    }
    return totals;
  }

  #best(feasible: readonly { node: NodeInfo }[], totals: Float64Array): NodeInfo {
    let best = 0;
    let ties = 1;
    for (let index = 1; index < totals.length; index++) {
      const difference = (totals[index] ?? 0) - (totals[best] ?? 0);
      if (difference > 0) {
        best = index;
        ties = 1;
      } else if (difference === 0 && this.#prng.below(++ties) === 0) best = index;
    }
    return (feasible[best] as { node: NodeInfo }).node;
  }
}
