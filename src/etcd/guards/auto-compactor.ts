import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { ServerConfig } from '../config.js';

/** The member that is compacted. */
export interface CompactionTarget {
  readonly isLeader: boolean;
  readonly rev: number;
  /** Bytes of all puts since the member has started. */
  readonly putBytes: number;
  compact(revision: number): Promise<void>;
}

const revisionCheckMs = 5 * 60_000;
const hourMs = 3_600_000;
/** How often it is looked whether more has been written than may be kept. */
const bytesCheckMs = 10_000;

interface Sample {
  readonly atMs: number;
  readonly rev: number;
  readonly putBytes: number;
}

/**
 * Compacts by itself, on the leader: what is older than a time (`periodic`), or all but a number of revisions
 * (`revision`). Where bytes are bounded as well, a period with many writes is kept for a shorter time.
 */
export class AutoCompactor {
  readonly #config: ServerConfig['autoCompaction'];
  readonly #target: CompactionTarget;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Periodic: revisions as they were, oldest first, one per interval: at most as many as the retention has. */
  readonly #seen: Sample[] = [];
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

  /** As etcd: ten looks per period, of which the longest counts as an hour. More where bytes are bounded. */
  #intervalMs(): number {
    const { mode, retention, maxBytes } = this.#config;
    if (mode === 'revision') return revisionCheckMs;
    const tenthMs = Math.max(100, Math.min(retention, hourMs) / 10);
    return maxBytes > 0 ? Math.min(bytesCheckMs, tenthMs) : tenthMs;
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
    const { rev, putBytes } = this.#target;
    const { mode, retention, maxBytes } = this.#config;
    if (mode === 'revision') return rev - retention;
    const nowMs = this.#clock.monotonicMs();
    this.#seen.push({ atMs: nowMs, rev, putBytes });
    const isDue = (sample: Sample): boolean =>
      sample.atMs <= nowMs - retention || (maxBytes > 0 && putBytes - sample.putBytes >= maxBytes);
    let due = 0;
    for (let oldest = this.#seen[0]; oldest !== undefined && isDue(oldest); [oldest] = this.#seen) {
      due = oldest.rev;
      this.#seen.shift();
    }
    return due;
  }
}
