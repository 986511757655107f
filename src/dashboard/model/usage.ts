/** The use of resources by nodes and pods: from `metrics.k8s.io`, or from the summaries of the nodes' agents. */
import { parseQuantity } from '../../api/quantity.js';

/** What a node used at a moment. */
export interface NodeUse {
  readonly name: string;
  /** Cores; undefined before the second reading of an agent, which tells sums. */
  readonly cores: number | undefined;
  readonly bytes: number;
}

/** What a pod uses. */
export interface PodUse {
  readonly namespace: string;
  readonly name: string;
  readonly cores: number;
  readonly bytes: number;
}

/** All that was read at a moment. */
export interface Reading {
  readonly atMs: number;
  readonly nodes: readonly NodeUse[];
  readonly pods: readonly PodUse[];
}

/** The `stats/summary` of an agent, as far as it is read. */
export interface Summary {
  readonly node: {
    readonly nodeName: string;
    readonly cpu?: { readonly time: string; readonly usageCoreNanoSeconds?: number };
    readonly memory?: { readonly workingSetBytes?: number };
  };
  readonly pods?: readonly {
    readonly podRef: { readonly namespace: string; readonly name: string };
    readonly cpu?: { readonly usageNanoCores?: number };
    readonly memory?: { readonly workingSetBytes?: number };
  }[];
}

/** A node's or pod's entry of `metrics.k8s.io`. */
export interface MetricsItem {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly usage?: { readonly cpu?: string; readonly memory?: string };
  readonly containers?: readonly {
    readonly usage?: { readonly cpu?: string; readonly memory?: string };
  }[];
}

/** Reads summaries. @param before those of the reading before, by node: a rate needs two */
export function readingOf(
  atMs: number,
  summaries: readonly Summary[],
  before: ReadonlyMap<string, Summary>,
): Reading {
  const nodes = summaries.map((summary) => ({
    name: summary.node.nodeName,
    cores: rateOf(before.get(summary.node.nodeName), summary),
    bytes: summary.node.memory?.workingSetBytes ?? 0,
  }));
  const pods = summaries.flatMap((summary) =>
    (summary.pods ?? []).map(({ podRef, cpu, memory }) => ({
      namespace: podRef.namespace,
      name: podRef.name,
      cores: (cpu?.usageNanoCores ?? 0) / 1e9,
      bytes: memory?.workingSetBytes ?? 0,
    })),
  );
  return { atMs, nodes: nodes.sort(byName), pods };
}

/** Cores, between two readings; undefined where the node began anew. */
function rateOf(before: Summary | undefined, now: Summary): number | undefined {
  const [first, last] = [before?.node.cpu, now.node.cpu];
  if (first === undefined || last === undefined) return undefined;
  const passedNanos = (Date.parse(last.time) - Date.parse(first.time)) * 1e6;
  const spent = (last.usageCoreNanoSeconds ?? 0) - (first.usageCoreNanoSeconds ?? 0);
  return passedNanos > 0 && spent >= 0 ? spent / passedNanos : undefined;
}

/** Reads the answers of `metrics.k8s.io`. */
export function readingOfMetrics(
  atMs: number,
  nodes: readonly MetricsItem[],
  pods: readonly MetricsItem[],
): Reading {
  return {
    atMs,
    nodes: nodes
      .map(({ metadata, usage }) => ({
        name: metadata.name,
        cores: cores(usage?.cpu),
        bytes: bytes(usage?.memory),
      }))
      .sort(byName),
    pods: pods.map(({ metadata, containers = [] }) => ({
      namespace: metadata.namespace ?? '',
      name: metadata.name,
      cores: containers.reduce((sum, { usage }) => sum + cores(usage?.cpu), 0),
      bytes: containers.reduce((sum, { usage }) => sum + bytes(usage?.memory), 0),
    })),
  };
}

/** Cores, to a thousandth as `kubectl top` has them; 0 for what is no quantity. */
function cores(text = ''): number {
  return (parseQuantity(text)?.milliValue() ?? 0) / 1000;
}

function bytes(text = ''): number {
  return parseQuantity(text)?.value() ?? 0;
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** Readings that are kept: twenty minutes at one each five seconds. */
export const readingsKept = 240;

/** The readings with one more. */
export function withReading(before: readonly Reading[], next: Reading): readonly Reading[] {
  return [...before, next].slice(-readingsKept);
}

/** Lines of a chart: a time axis in seconds, and a line for each node, with gaps where it told nothing. */
export interface Lines {
  readonly names: readonly string[];
  readonly times: readonly number[];
  readonly values: readonly (readonly (number | null)[])[];
}

/** Lines that a chart has at most: more cannot be told apart. The nodes that use most now come first. */
export const linesMax = 8;

/** The lines of the nodes. */
export function linesOf(
  readings: readonly Reading[],
  pick: (node: NodeUse) => number | undefined,
): Lines {
  const last = readings.at(-1)?.nodes ?? [];
  const names = last
    .toSorted((a, b) => (pick(b) ?? 0) - (pick(a) ?? 0))
    .slice(0, linesMax)
    .map(({ name }) => name)
    .sort();
  const values = names.map((name) =>
    readings.map(({ nodes }) => {
      const node = nodes.find((one) => one.name === name);
      return node === undefined ? null : (pick(node) ?? null);
    }),
  );
  return { names, times: readings.map(({ atMs }) => atMs / 1000), values };
}

/** `250m`, `1.25` cores. */
export function coresText(cores: number | undefined): string {
  if (cores === undefined) return '-';
  return cores < 0.9995 ? `${Math.round(cores * 1000)}m` : cores.toFixed(2);
}

/** `512 MiB`, `1.5 GiB`. */
export function bytesText(bytes: number): string {
  const mebi = bytes / 2 ** 20;
  return mebi < 1023.5 ? `${Math.round(mebi)} MiB` : `${(mebi / 1024).toFixed(1)} GiB`;
}
