import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { ServerConfig } from '../config.js';

/** The member that is compacted. */
export interface CompactionTarget {
  readonly isLeader: boolean;
  readonly rev: number;
  compact(revision: number): Promise<void>;
}

const revisionCheckMs = 5 * 60_000;
const hourMs = 3_600_000;

/**
 * Compacts by itself, on the leader: what is older than a time (`periodic`), or all but a number of revisions
 * (`revision`).
 */
export class AutoCompactor {
  readonly #config: ServerConfig['autoCompaction'];
  readonly #target: CompactionTarget;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Periodic: revisions as they were, oldest first, one per interval. */
  readonly #seen: { readonly atMs: number; readonly rev: number }[] = [];
  #lastRev = 0;
  #cancel: (() => void) | undefined;

  constructor(
    config: ServerConfig['autoCompaction'],
    target: CompactionTarget,
    tools: { readonly clock: Clock; readonly log: Logger },
  ) {
    this.#config = config;
    this.#target = target;
    this.#clock = tools.clock;
    this.#log = tools.log;
  }

  start(): void {
    if (this.#config.retention <= 0) return;
    const everyMs = this.#intervalMs();
    const turn = (): void => {
      this.#cancel = this.#clock.schedule(everyMs, turn);
      this.#check();
    };
    this.#cancel = this.#clock.schedule(everyMs, turn);
  }

  stop(): void {
    this.#cancel?.();
  }

  /** As etcd: ten looks per period, of which the longest counts as an hour. */
  #intervalMs(): number {
    if (this.#config.mode === 'revision') return revisionCheckMs;
    return Math.max(100, Math.min(this.#config.retention, hourMs) / 10);
  }

  #check(): void {
    const revision = this.#due();
    if (revision <= this.#lastRev || !this.#target.isLeader) return;
    this.#lastRev = revision;
    this.#target.compact(revision).then(
      () => this.#log.info({ revision }, 'compacted automatically'),
      (error: unknown) => this.#log.warn({ revision, error }, 'automatic compaction failed'),
    );
  }

  #due(): number {
    const { rev } = this.#target;
    if (this.#config.mode === 'revision') return rev - this.#config.retention;
    const nowMs = this.#clock.monotonicMs();
    this.#seen.push({ atMs: nowMs, rev });
    let due = 0;
    while (this.#seen[0] !== undefined && this.#seen[0].atMs <= nowMs - this.#config.retention) {
      due = this.#seen[0].rev;
      this.#seen.shift();
    }
    return due;
  }
}
