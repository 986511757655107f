import { AlarmRequest, AlarmRequest_AlarmAction, AlarmType } from '../../gen/etcd/rpc.js';
import { etcdError } from '../apply/errors.js';
import { quotaBytesDefault } from './limits.js';
import type { EtcdServer } from './server.js';

const diskCheckMs = 500;

/**
 * Keeps the database below its quota: raises the NOSPACE alarm for the whole cluster before it would grow past it, and when what others
 * proposed, whose quota is larger, has made it.
 */
export class Quota {
  readonly #server: EtcdServer;
  /** Negative: none. */
  readonly bytes: number;
  #cancel: (() => void) | undefined;
  #raising = false;

  constructor(server: EtcdServer) {
    this.#server = server;
    const { quotaBytes } = server.config;
    this.bytes = quotaBytes === 0 ? quotaBytesDefault : quotaBytes;
  }

  /** From now on growth and a full disk raise the alarm too. */
  start(): void {
    const { clock } = this.#server.config;
    this.#server.onGrowth = () => {
      const { alarms, backend } = this.#server;
      if (this.bytes < 0 || backend.sizeBytes() < this.bytes) return;
      if (!alarms.has(AlarmType.NOSPACE)) this.raise();
    };
    const look = (): void => {
      this.#cancel = clock.schedule(diskCheckMs, look);
      const { memberId, alarms, backend, logFull } = this.#server;
      if (!backend.noSpace && !logFull) return;
      const raised = alarms.list(AlarmType.NOSPACE).some((one) => one.memberID === memberId);
      if (!raised) this.raise();
    };
    this.#cancel = clock.schedule(diskCheckMs, look);
  }

  stop(): void {
    this.#cancel?.();
  }

  /** @param cost bytes that a request may add @throws noSpace */
  check(cost: number): void {
    if (this.bytes < 0 || this.#server.backend.sizeBytes() + cost < this.bytes) return;
    this.raise();
    throw etcdError('noSpace');
  }

  /** Raises the alarm of this member. */
  raise(): void {
    if (this.#raising) return;
    this.#raising = true;
    const request = {
      action: AlarmRequest_AlarmAction.ACTIVATE,
      memberID: this.#server.memberId,
      alarm: AlarmType.NOSPACE,
    };
    this.#server
      .propose('alarm', AlarmRequest.encode(request).finish(), request)
      .catch(() => undefined)
      .finally(() => {
        this.#raising = false;
      });
  }
}
