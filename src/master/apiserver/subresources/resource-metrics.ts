/**
 * metrics.k8s.io: what nodes and pods use, asked of the nodes' agents when somebody wants to know. The answers and the
 * texts are those of metrics-server.
 */
import { objectKey } from '../../../api/facts/keys.js';
import { now } from '../../../api/facts/time.js';
import { nodeMetricsKind, podMetricsKind } from '../../../api/metrics/kinds.js';
import type { Node, Pod } from '../../../api/types/core.js';
import type { NodeMetrics, PodMetrics } from '../../../api/types/policy.js';
import type { Clock } from '../../../lib/clock.js';
import type { Logger } from '../../../lib/log.js';
import { Entry } from '../cache/entry.js';
import type { Selection } from '../cache/selection.js';
import { everything } from '../cache/selection.js';
import type { WatchCache } from '../cache/watch-cache.js';
import { statsConcurrency, statsDeadlineMs, statsFreshMs } from '../limits.js';
import type { VirtualReader } from '../registry/types.js';
import { notFound } from '../status.js';
import type { Summary } from './node-summary.js';
import { nodeUsage, parseSummary, podUsage } from './node-summary.js';

/** The agents that are asked, and the objects whose use is told. */
export interface ResourceMetricsDeps {
  readonly watchCache: WatchCache;
  readonly agents: {
    forNode(name: string): {
      stats(
        request: object,
        options: { readonly deadlineMs: number },
      ): Promise<{ readonly summary: Buffer }>;
    };
  };
  readonly clock: Clock;
  readonly log: Logger;
}

interface Asked {
  readonly untilMs: number;
  readonly summary: Promise<Summary | undefined>;
}

/** Reads the use of nodes and pods; an answer of a node serves all who ask within the next seconds. */
export class ResourceMetrics {
  readonly #deps: ResourceMetricsDeps;
  /** By node, oldest first. Bounded by the nodes that there are. */
  readonly #asked = new Map<string, Asked>();

  constructor(deps: ResourceMetricsDeps) {
    this.#deps = deps;
  }

  /** Reads NodeMetrics. */
  get nodes(): VirtualReader {
    const cache = this.#deps.watchCache.cache('nodes');
    return {
      list: (_, selection) => this.#nodeEntries([...this.#selected('nodes', '', selection)]),
      get: async (_, name) => {
        const node = cache.get(name);
        if (node === undefined) throw notFound({ group: '', resource: 'nodes' }, name);
        const [entry] = await this.#nodeEntries([node]);
        if (entry !== undefined) return entry;
        throw notFound({ group: nodeMetricsKind.group, resource: 'nodemetrics' }, name);
      },
    };
  }

  /** Reads PodMetrics. */
  get pods(): VirtualReader {
    const cache = this.#deps.watchCache.cache('pods');
    return {
      list: (namespace, selection) =>
        this.#podEntries([...this.#selected('pods', namespace, selection)]),
      get: async (namespace, name) => {
        const pod = cache.get(objectKey({ namespace, name }));
        if (pod === undefined) throw notFound({ group: '', resource: 'pods' }, name);
        const [entry] = await this.#podEntries([pod]);
        if (entry !== undefined) return entry;
        const resource = 'podmetrics';
        throw notFound({ group: podMetricsKind.group, resource }, `${namespace}/${name}`);
      },
    };
  }

  *#selected(id: string, namespace: string, selection: Selection): Generator<Entry> {
    const cache = this.#deps.watchCache.cache(id);
    const wanted = selection.isEmpty ? everything : selection;
    for (const entry of wanted.candidates(cache, namespace)) {
      if (wanted.matches(entry, cache.getters)) yield entry;
    }
  }

  async #nodeEntries(entries: readonly Entry[]): Promise<Entry[]> {
    const summaries = await this.#ask(entries.map(({ name }) => name));
    return entries.flatMap((entry) => {
      const used = nodeUsage(summaries.get(entry.name));
      if (used === undefined) return [];
      const { metadata } = entry.object<Node>();
      const { kind } = nodeMetricsKind;
      return [this.#entry<NodeMetrics>(entry.key, kind, metadata, used)];
    });
  }

  async #podEntries(entries: readonly Entry[]): Promise<Entry[]> {
    const running = entries.flatMap((entry) => {
      const pod = entry.parse<Pod>();
      const node = pod.spec.nodeName ?? '';
      return pod.status?.phase === 'Running' && node !== '' ? [{ entry, pod, node }] : [];
    });
    const summaries = await this.#ask(new Set(running.map(({ node }) => node)));
    return running.flatMap(({ entry, pod: { metadata }, node }) => {
      const used = podUsage(summaries.get(node), metadata.uid ?? '');
      if (used === undefined) return [];
      return [this.#entry<PodMetrics>(entry.key, podMetricsKind.kind, metadata, used)];
    });
  }

  #entry<T extends NodeMetrics | PodMetrics>(
    key: string,
    kind: string,
    of: Pick<Pod['metadata'], 'name' | 'namespace' | 'labels'>,
    used: Omit<T, 'kind' | 'apiVersion' | 'metadata'>,
  ): Entry {
    const { name, namespace, labels } = of;
    const creationTimestamp = now(this.#deps.clock);
    const metadata = {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      creationTimestamp,
      ...(labels === undefined ? {} : { labels }),
    };
    const apiVersion = `${podMetricsKind.group}/${podMetricsKind.version}`;
    return new Entry(key, Buffer.from(JSON.stringify({ kind, apiVersion, metadata, ...used })), 0);
  }

  /** The summaries of these nodes; those that do not answer are left out. */
  async #ask(nodes: Iterable<string>): Promise<ReadonlyMap<string, Summary>> {
    this.#forgetOld();
    const rest = [...nodes];
    const found = new Map<string, Summary>();
    const work = async (): Promise<void> => {
      for (let node = rest.pop(); node !== undefined; node = rest.pop()) {
        const summary = await this.#summary(node);
        if (summary !== undefined) found.set(node, summary);
      }
    };
    await Promise.all(Array.from({ length: Math.min(statsConcurrency, rest.length) }, work));
    return found;
  }

  #summary(node: string): Promise<Summary | undefined> {
    const known = this.#asked.get(node);
    if (known !== undefined) return known.summary;
    const summary = this.#request(node);
    this.#asked.set(node, { untilMs: this.#deps.clock.monotonicMs() + statsFreshMs, summary });
    return summary;
  }

  async #request(node: string): Promise<Summary | undefined> {
    const { agents, log } = this.#deps;
    try {
      const { summary } = await agents.forNode(node).stats({}, { deadlineMs: statsDeadlineMs });
      return parseSummary(summary);
    } catch (error) {
      log.debug({ error, node }, 'a node did not tell what it uses');
      return undefined;
    }
  }

  #forgetOld(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    for (const [node, { untilMs }] of this.#asked) {
      if (untilMs > nowMs) return;
      this.#asked.delete(node);
    }
  }
}
