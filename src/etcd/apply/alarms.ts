import { AlarmType } from '../../gen/etcd/rpc.js';
import type { AlarmMember } from '../../gen/etcd/rpc.js';
import type { Backend } from '../backend/types.js';

/** The raised alarms, persisted in the backend. Changed by apply alone. */
export class AlarmStore {
  #backend: Backend;
  #raised = new Map<string, AlarmMember>();

  constructor(backend: Backend) {
    this.#backend = backend;
    this.restore(backend);
  }

  /** Reads the alarms of another backend content. */
  restore(backend: Backend): void {
    this.#backend = backend;
    this.#raised = new Map();
    for (const [key] of backend.entries('alarm')) {
      const [id = '0', alarm = '0'] = key.split(':');
      this.#raised.set(key, { memberID: BigInt(`0x${id}`), alarm: Number(alarm) as AlarmType });
    }
  }

  /** Lists the alarms of one kind, or all for NONE, ordered by member. */
  list(alarm: AlarmType = AlarmType.NONE): AlarmMember[] {
    return [...this.#raised.values()]
      .filter((one) => alarm === AlarmType.NONE || one.alarm === alarm)
      .sort((a, b) => (a.memberID < b.memberID ? -1 : a.memberID > b.memberID ? 1 : 0));
  }

  has(alarm: AlarmType): boolean {
    for (const one of this.#raised.values()) if (one.alarm === alarm) return true;
    return false;
  }

  /** Raising twice changes nothing. @returns what is raised now by this call's member and kind */
  raise(memberID: bigint, alarm: AlarmType): AlarmMember {
    const key = keyOf(memberID, alarm);
    const known = this.#raised.get(key);
    if (known !== undefined) return known;
    const raised = { memberID, alarm };
    this.#raised.set(key, raised);
    this.#backend.put('alarm', key, Buffer.alloc(0));
    return raised;
  }

  /** @returns the alarm that went, if it was raised */
  lower(memberID: bigint, alarm: AlarmType): AlarmMember | undefined {
    const key = keyOf(memberID, alarm);
    const known = this.#raised.get(key);
    if (known === undefined) return undefined;
    this.#raised.delete(key);
    this.#backend.delete('alarm', key);
    return known;
  }
}

function keyOf(memberID: bigint, alarm: AlarmType): string {
  return `${memberID.toString(16)}:${alarm}`;
}
