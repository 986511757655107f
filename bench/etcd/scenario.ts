import type { Cluster, Ports, Side } from './cluster.js';
import type { Warmup } from './jobs.js';

/** A figure of a scenario. */
export interface Metric {
  readonly key: string;
  /** With its unit, as a report's column or row says it. */
  readonly label: string;
  /** The better direction; `none` for figures that only explain. */
  readonly better: 'more' | 'less' | 'none';
  /** The goal of the ratio ours/theirs: a minimum where more is better, a maximum where less is. */
  readonly goal?: number;
  /** The goal of our own figure. */
  readonly goalOurs?: number;
}

export type Figures = Readonly<Record<string, number>>;

/** The part of a run that is the same for both sides. */
export interface RunContext {
  readonly side: Side;
  readonly ports: Ports;
  /** Fresh for this run, and removed after it. */
  readonly directory: string;
  readonly warmup: Warmup;
  readonly measureMs: number;
  /** The same for both runs of a pair. */
  readonly seed: number;
  /** Connections for so many clients, or undefined for the rule of {@link connectionsFor}. */
  readonly connections: number | undefined;
  /** Takes care that the cluster is stopped, whatever happens. */
  own(cluster: Cluster): void;
}

export interface Scenario {
  readonly name: string;
  /** A sentence for the report. */
  readonly what: string;
  readonly metrics: readonly Metric[];
  /** The most rounds; more would add time and no knowledge. */
  readonly roundsMax?: number;
  /** Left out unless it is named. */
  readonly onlyByName?: boolean;
  /** Makes one run of one side. @throws if anything failed: there are no figures of half a run */
  run(context: RunContext): Promise<Figures>;
}

/**
 * Chooses one connection for about ten clients, as in the examples of etcd's own benchmark, and as many to each member.
 */
export function connectionsFor(clients: number, members: number): number {
  return Math.max(1, Math.round(clients / 10 / members)) * members;
}
