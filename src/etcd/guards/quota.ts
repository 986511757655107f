import { AlarmRequest, AlarmRequest_AlarmAction, AlarmType } from '../../gen/etcd/rpc.js';
import { etcdError } from '../apply/errors.js';
import type { EntryKind } from '../apply/entry.js';
import { quotaBytesDefault } from './limits.js';

/** The member whose database is kept small. */
export interface QuotaHost {
  readonly config: { readonly quotaBytes: number };
  readonly memberId: bigint;
  readonly alarms: { has(alarm: AlarmType): boolean };
  readonly backend: { sizeBytes(): number };
  /** Called after each applied entry that needs space. */
  onGrowth: () => void;
  propose(kind: EntryKind, payload: Uint8Array, request: unknown): Promise<unknown>;
}

/** The quota that a flag asks for: 0 is etcd's default, and a negative one none. */
export function quotaBytesOf({ quotaBytes }: QuotaHost['config']): number {
  return quotaBytes === 0 ? quotaBytesDefault : quotaBytes;
}

/**
 * Keeps the database below its quota: raises the NOSPACE alarm for the whole cluster before it would grow past it, and
 * when what others proposed, whose quota is larger, has made it. A full disk is its member's own matter: see
 * `DiskRoom`.
 */
export class Quota {
  readonly #server: QuotaHost;
  /** Negative: none. */
  readonly bytes: number;
  #raising: Promise<void> | undefined;

  constructor(server: QuotaHost) {
    this.#server = server;
    this.bytes = quotaBytesOf(server.config);
  }

  /** From now on growth raises the alarm too. */
  start(): void {
    this.#server.onGrowth = () => {
      const { alarms, backend } = this.#server;
      if (this.bytes < 0 || backend.sizeBytes() < this.bytes) return;
      if (!alarms.has(AlarmType.NOSPACE)) void this.raise();
    };
  }

  /**
   * @param cost bytes that a request may add
   * @returns undefined when there is room; else what rejects with noSpace, as soon as the alarm is raised (or cannot
   * be)
   */
  refusal(cost: number): Promise<never> | undefined {
    if (this.bytes < 0 || this.#server.backend.sizeBytes() + cost < this.bytes) return undefined;
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
