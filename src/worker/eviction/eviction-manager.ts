/**
 * Looks at what is left on the node every ten seconds, takes unused images away, and where that is not enough evicts a
 * pod: kubelet's eviction manager.
 */
import type { EventRecorder } from '../../client/events/recorder.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { Pod } from '../../api/types/core.js';
import type { PodFailure } from '../pod/state.js';
import { nodeSubject } from '../node/node-object.js';
import type {
  Look,
  Observations,
  PressureState,
  PressureType,
  StarvedResource,
} from './pressure.js';
import { lookAtPressure, metThresholds, noPressure, starvedResource } from './pressure.js';
import type { PodUse } from './rank.js';
import { evictionMessage, isCriticalPod, rankForEviction } from './rank.js';
import type { EvictionSettings, Threshold } from './thresholds.js';

/** A pod that may be evicted. */
export interface Candidate {
  readonly pod: Pod;
  /** What it uses; reads the disk, or asks the runtime. */
  use(starved: Starved): Promise<PodUse>;
  /** Ends it as failed, with an Event. */
  evict(failure: PodFailure): void;
  /** Nothing of it runs any more, and its files are gone. */
  isOver(): boolean;
}

/** What is short, and where. */
export interface Starved {
  readonly resource: StarvedResource;
  readonly signal: Threshold['signal'];
}

/** The dependencies of {@link EvictionManager}. */
export interface EvictionOptions {
  readonly nodeName: string;
  readonly settings: EvictionSettings;
  readonly observe: () => Promise<Observations>;
  /** Pods that have not ended. */
  readonly candidates: () => readonly Candidate[];
  /** Takes away all images that nobody uses. */
  readonly removeUnusedImages: () => Promise<void>;
  /** The conditions are others than before. */
  readonly onChange: () => void;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
}

/** @see kubelet `evictionMonitoringPeriod` */
const everyMs = 10_000;
/** So long the next one waits for an evicted pod to give back what it held. @see kubelet `podCleanupTimeout` */
const cleanupMs = 30_000;
/** @see kubelet `immediateEvictionGracePeriodSeconds` */
const hardGraceSeconds = 1;

/** Sees to it that a node does not run out of what all its pods need. */
export class EvictionManager {
  readonly #options: EvictionOptions;
  #state: PressureState = noPressure;
  #conditions: readonly PressureType[] = [];
  #last: { readonly pod: Candidate; readonly untilMs: number } | undefined;
  #cancel: () => void = () => undefined;
  #stopped = false;

  constructor(options: EvictionOptions) {
    this.#options = options;
  }

  /** The conditions of the node that are true. */
  get conditions(): readonly PressureType[] {
    return this.#conditions;
  }

  /** Looks now, and then again and again. */
  start(): void {
    void this.round()
      .catch((error: unknown) =>
        this.#options.log.warn({ error }, 'what is left on the node could not be looked at'),
      )
      .finally(() => {
        if (this.#stopped) return;
        this.#cancel = this.#options.clock.schedule(everyMs, () => this.start());
      });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** Looks once, and evicts one pod at most. */
  async round(): Promise<void> {
    const { observe, events, log, nodeName } = this.#options;
    const observations = await observe();
    const { due } = this.#look(observations);
    const [first] = due;
    if (first === undefined || this.#waits()) return;
    const resource = starvedResource(first);
    const what = `Attempting to reclaim ${resource}`;
    events.warning(nodeSubject(nodeName), 'EvictionThresholdMet', what);
    log.warn({ signal: first.signal, resource }, 'the node runs out of a resource');
    if (await this.#isEnoughWithoutImages(first)) return;
    await this.#evictOne(first, due, observations);
  }

  #look(observations: Observations): Look {
    const { settings, clock, onChange } = this.#options;
    const look = lookAtPressure(this.#state, {
      ...settings,
      observations,
      nowMs: clock.monotonicMs(),
    });
    this.#state = look.state;
    const changed = look.conditions.join() !== this.#conditions.join();
    this.#conditions = look.conditions;
    if (changed) onChange();
    return look;
  }

  /** True while the pod that was evicted last still holds what it had. */
  #waits(): boolean {
    if (this.#last === undefined) return false;
    const { pod, untilMs } = this.#last;
    if (!pod.isOver() && this.#options.clock.monotonicMs() < untilMs) return true;
    this.#last = undefined;
    return false;
  }

  /** Images are made again; what pods have is not. */
  async #isEnoughWithoutImages({ signal }: Threshold): Promise<boolean> {
    const { removeUnusedImages, observe, settings, log } = this.#options;
    if (!signal.startsWith('nodefs') && !signal.startsWith('imagefs')) return false;
    try {
      await removeUnusedImages();
    } catch (error) {
      log.warn({ error }, 'unused images could not be removed');
    }
    return metThresholds(settings.thresholds, await observe()).length === 0;
  }

  async #evictOne(
    first: Threshold,
    due: readonly Threshold[],
    observations: Observations,
  ): Promise<void> {
    const { candidates, settings, clock, log } = this.#options;
    const starved = { resource: starvedResource(first), signal: first.signal };
    const byUse = new Map<PodUse, Candidate>();
    const able = candidates().filter(({ pod }) => !isCriticalPod(pod));
    await Promise.all(able.map(async (one) => byUse.set(await one.use(starved), one)));
    const [use] = rankForEviction([...byUse.keys()], starved.resource);
    const chosen = use === undefined ? undefined : byUse.get(use);
    if (use === undefined || chosen === undefined) {
      log.error({ resource: starved.resource }, 'a threshold is met, and no pod can be evicted');
      return;
    }
    const graceSeconds = first.graceMs === 0 ? hardGraceSeconds : settings.podGraceSecondsMax;
    const message = evictionMessage(use, due, observations);
    chosen.evict({ reason: 'Evicted', message, graceSeconds, isDisruption: true });
    this.#last = { pod: chosen, untilMs: clock.monotonicMs() + cleanupMs };
  }
}
