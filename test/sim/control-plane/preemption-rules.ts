/** Preemption: the scheduler deletes a pod only for one that waits, is more important, and may drive others out. */
import type { SimProcess } from './process.js';
import { ComponentProcess } from './component-process.js';
import type { Item, Model } from './model.js';
import { isActive, nameOf } from './model.js';
import { nodeOf } from './node-rules.js';
import { preempts, priorityOf } from './room.js';
import type { ControlPlaneWorld } from './world.js';

/** What the scheduler decided may be so old when the call leaves it. */
const decisionUs = 20_000_000;

interface Waiting {
  pod: Item;
  /** When it ceased to wait; undefined while it does. */
  endedUs: number | undefined;
}

/** See above. */
export class PreemptionRules {
  readonly #world: ControlPlaneWorld;
  readonly #model: Model;
  readonly #waiting = new Map<string, Waiting>();

  constructor(world: ControlPlaneWorld, model: Model) {
    this.#world = world;
    this.#model = model;
  }

  onWrite(item: Item): void {
    if (item.kind !== 'Pod' || !this.#world.options.hasPriorities) return;
    const { uid = '' } = item.metadata;
    const waiting = this.#waiting.get(uid);
    if (nodeOf(item) === '' && isActive(item)) {
      if (waiting === undefined) this.#waiting.set(uid, { pod: item, endedUs: undefined });
      else waiting.pod = item;
    } else if (waiting !== undefined) waiting.endedUs ??= this.#world.queue.now;
  }

  onRemoval(old: Item): void {
    if (old.kind !== 'Pod' || !this.#world.options.hasPriorities) return;
    const waiting = this.#waiting.get(old.metadata.uid ?? '');
    if (waiting !== undefined) waiting.endedUs ??= this.#world.queue.now;
  }

  /** A call leaves its client. */
  sent(client: SimProcess, method: string, request: unknown): void {
    if (!(client instanceof ComponentProcess) || client.component !== 'kube-scheduler') return;
    const { ref, deleteOptions } = request as {
      ref?: { readonly resource: string };
      deleteOptions?: Uint8Array;
    };
    if (method !== 'delete' || ref?.resource !== 'pods' || deleteOptions === undefined) return;
    const { preconditions } = JSON.parse(Buffer.from(deleteOptions).toString('utf8')) as {
      preconditions?: { uid?: string };
    };
    const victim = this.#model.byId(preconditions?.uid ?? '');
    if (victim !== undefined) this.#checkVictim(victim);
  }

  #checkVictim(victim: Item): void {
    this.#world.count('victims');
    const sinceUs = this.#world.queue.now - decisionUs;
    for (const { pod, endedUs } of this.#waiting.values()) {
      const waits = endedUs === undefined || endedUs > sinceUs;
      if (waits && preempts(pod) && priorityOf(pod) > priorityOf(victim)) return;
    }
    const what = `${nameOf(victim)} of priority ${priorityOf(victim)}`;
    this.#world.broken(`${what} is driven out, and nobody more important waits`);
  }
}
