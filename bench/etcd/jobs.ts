/**
 * The requests to the load generator's process, and its answers. All plain data: it crosses a process boundary.
 */

/** Load that is not counted. It goes on until both are reached, or `maxMs` has passed. */
export interface Warmup {
  readonly ms: number;
  readonly operations: number;
  readonly maxMs: number;
}

/** Puts or gets in a closed loop: each client has one call under way. */
export interface LoadJob {
  readonly kind: 'load';
  readonly operation: 'put' | 'get' | 'get-serializable';
  /** `host:port` of every member; connections go round them. */
  readonly endpoints: readonly string[];
  readonly connections: number;
  readonly clients: number;
  /** Keys are drawn uniformly from this many. */
  readonly keys: number;
  readonly valueBytes: number;
  readonly warmup: Warmup;
  readonly measureMs: number;
  /** The processes whose CPU time is summed over the measured time. */
  readonly pids: readonly number[];
  readonly seed: number;
}

/** Puts each of the keys once. */
export interface FillJob {
  readonly kind: 'fill';
  readonly endpoints: readonly string[];
  readonly connections: number;
  readonly clients: number;
  readonly keys: number;
  readonly valueBytes: number;
  readonly seed: number;
}

/** Watchers of one key; each put to it is followed until the last watcher has it, then comes the next. */
export interface WatchJob {
  readonly kind: 'watch';
  readonly endpoints: readonly string[];
  /** The member that gets the puts. */
  readonly putTo: string;
  readonly connections: number;
  readonly watchers: number;
  /** Streams that the watchers are spread over. */
  readonly streams: number;
  readonly valueBytes: number;
  readonly warmup: Warmup;
  readonly measureMs: number;
  readonly pids: readonly number[];
  readonly seed: number;
}

/** Keep-alives in a closed loop, each client with a lease and a stream of its own. */
export interface KeepAliveJob {
  readonly kind: 'keep-alive';
  readonly endpoints: readonly string[];
  readonly connections: number;
  readonly clients: number;
  readonly warmup: Warmup;
  readonly measureMs: number;
  readonly pids: readonly number[];
}

export type Job = LoadJob | FillJob | WatchJob | KeepAliveJob;

/** The figures of one measured stretch of time. */
export interface Measured {
  /** Operations that succeeded: calls, deliveries to a watcher, keep-alives. */
  readonly operations: number;
  readonly failed: number;
  readonly firstFailure: string | undefined;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the given processes. */
  readonly cpuMs: number;
  /** Of the generator itself. */
  readonly generatorCpuMs: number;
}

export type JobAnswer =
  | { readonly ok: true; readonly measured: Measured }
  | { readonly ok: false; readonly error: string };
