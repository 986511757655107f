import { AlarmRequest, AlarmRequest_AlarmAction, AlarmType } from '../../gen/etcd/rpc.js';
import { etcdError } from '../apply/errors.js';
import type { EntryKind } from '../apply/entry.js';
import type { IndexSize } from '../mvcc/types.js';
import { IndexRoom } from './index-room.js';
import { quotaBytesDefault } from './limits.js';

/** The member whose database is kept small. */
export interface QuotaHost {
  readonly config: { readonly quotaBytes: number };
  readonly memberId: bigint;
  readonly alarms: { has(alarm: AlarmType): boolean };
  readonly backend: { sizeBytes(): number };
  readonly store: { indexSize(): IndexSize };
  /** Called after each applied entry that needs space. */
  onGrowth: () => void;
  propose(kind: EntryKind, payload: Uint8Array, request: unknown): Promise<unknown>;
}

/** The quota that a flag asks for: 0 is etcd's default, and a negative one none. */
export function quotaBytesOf({ quotaBytes }: QuotaHost['config']): number {
  return quotaBytes === 0 ? quotaBytesDefault : quotaBytes;
}

/**
 * Keeps the database below its quota, and its index within the heap: raises the NOSPACE alarm for the whole cluster
 * before it would grow past it, and when what others proposed, whose quota is larger, has made it. A full disk is its
 * member's own matter: see `DiskRoom`.
 */
export class Quota {
  readonly #server: QuotaHost;
  readonly #index: IndexRoom;
  /** Negative: none. */
  readonly bytes: number;
  #raising: Promise<void> | undefined;

  constructor(server: QuotaHost, index = new IndexRoom()) {
    this.#server = server;
    this.#index = index;
    this.bytes = quotaBytesOf(server.config);
  }

  /** From now on growth raises the alarm too. */
  start(): void {
    this.#server.onGrowth = () => {
      if (!this.#server.alarms.has(AlarmType.NOSPACE) && !this.#fits(0)) void this.raise();
    };
  }

  /** Whether there is room for so many bytes more. */
  #fits(cost: number): boolean {
    const { backend, store } = this.#server;
    const isBelow = this.bytes < 0 || backend.sizeBytes() + cost < this.bytes;
    return isBelow && !this.#index.isFull(store.indexSize());
  }

  /**
   * @param cost bytes that a request may add
   * @returns undefined when there is room; else what rejects with noSpace, as soon as the alarm is raised (or cannot
   * be)
   */
  refusal(cost: number): Promise<never> | undefined {
    if (this.#fits(cost)) return undefined;
    return this.raise().then(() => {
      throw etcdError('noSpace');
    });
  }

  /** Raises the alarm of this member. @returns resolves when it is raised, or cannot be */
  raise(): Promise<void> {
    this.#raising ??= this.#propose().finally(() => {
      this.#raising = undefined;
    });
    return this.#raising;
  }

  async #propose(): Promise<void> {
    const request = {
      action: AlarmRequest_AlarmAction.ACTIVATE,
      memberID: this.#server.memberId,
      alarm: AlarmType.NOSPACE,
    };
    const payload = AlarmRequest.encode(request).finish();
    await this.#server.propose('alarm', payload, request).catch(() => undefined);
  }
}
