/**
 * Probes of containers as kubelet runs them: a worker per probe asks at its period; so many failures or successes in
 * a row change the result. The pod's decision (`pod/`) draws the conclusions.
 * @see Kubernetes pkg/kubelet/prober
 */
import type { Clock } from '../../lib/clock.js';
import type { Probe } from '../../api/types/core.js';

/** The three probes of a container. */
export type ProbeKind = 'liveness' | 'readiness' | 'startup';

/** `unknown` until the first result that counts. */
export type ProbeResult = 'success' | 'failure' | 'unknown';

/** One attempt's outcome; the output goes into the event about it. */
export interface ProbeOutcome {
  readonly ok: boolean;
  readonly output: string;
  /** The attempt could not be made: it says nothing of the container, and does not count. @default false */
  readonly isVoid?: boolean;
  /** A success that the pod's owner should hear of. @default false */
  readonly isWarning?: boolean;
}

/** One probe of one container. */
export interface ProbeTarget {
  readonly containerId: string;
  readonly containerName: string;
  readonly kind: ProbeKind;
  readonly probe: Probe;
}

/** The target, tools and callback of a probe. */
export interface ProbeWorkerOptions {
  readonly target: ProbeTarget;
  readonly clock: Clock;
  /** The result to start from. */
  readonly initial?: ProbeResult | undefined;
  /** Runs the probe once; resolves in any case, within the probe's time-out. */
  readonly attempt: (target: ProbeTarget) => Promise<ProbeOutcome>;
  /** False delays the attempt: other probes wait for the startup probe. */
  readonly mayRun: () => boolean;
  readonly onResult: (target: ProbeTarget, result: ProbeResult) => void;
  /** Called for each attempt that failed or warns, for events. */
  readonly onNotice: (target: ProbeTarget, outcome: ProbeOutcome) => void;
}

const initialResults: Readonly<Record<ProbeKind, ProbeResult>> = {
  liveness: 'success',
  readiness: 'failure',
  startup: 'unknown',
};

/** Before anything is known: a container counts as alive, and as neither started nor ready. */
export function initialResult(kind: ProbeKind): ProbeResult {
  return initialResults[kind];
}

/** Probes one container for one purpose until stopped. */
export class ProbeWorker {
  readonly #options: ProbeWorkerOptions;
  #result: ProbeResult;
  #streak = 0;
  #lastOk: boolean | undefined;
  #stopped = false;
  #cancel: () => void;
  #held = false;

  constructor(options: ProbeWorkerOptions) {
    this.#options = options;
    this.#result = options.initial ?? initialResult(options.target.kind);
    const delayMs = (options.target.probe.initialDelaySeconds ?? 0) * 1000;
    this.#cancel = options.clock.schedule(delayMs, () => void this.#run());
  }

  get result(): ProbeResult {
    return this.#result;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** Something it may have waited for has happened: tries at once instead of at the next period. */
  poke(): void {
    if (!this.#held || this.#stopped) return;
    this.#held = false;
    this.#cancel();
    this.#cancel = this.#options.clock.schedule(0, () => void this.#run());
  }

  async #run(): Promise<void> {
    const { target, clock, mayRun, attempt } = this.#options;
    const periodMs = (target.probe.periodSeconds ?? 10) * 1000;
    const startedMs = clock.monotonicMs();
    this.#held = !mayRun();
    if (!this.#held) {
      const outcome = await attempt(target);
      if (this.#stopped) return;
      this.#count(outcome);
      if (this.#stopped) return;
    }
    const spentMs = clock.monotonicMs() - startedMs;
    this.#cancel = clock.schedule(Math.max(0, periodMs - spentMs), () => void this.#run());
  }

  #count(outcome: ProbeOutcome): void {
    const { target, onResult, onNotice } = this.#options;
    if (outcome.isVoid === true) {
      onNotice(target, outcome);
      return;
    }
    this.#streak = outcome.ok === this.#lastOk ? this.#streak + 1 : 1;
    this.#lastOk = outcome.ok;
    if (!outcome.ok || outcome.isWarning === true) onNotice(target, outcome);
    const needed = outcome.ok
      ? (target.probe.successThreshold ?? 1)
      : (target.probe.failureThreshold ?? 3);
    if (this.#streak < needed) return;
    const result = outcome.ok ? 'success' : 'failure';
    // A failed liveness or startup probe ends the container: this worker has nothing more to say.
    const ends = result === 'failure' && target.kind !== 'readiness';
    const done = result === 'success' && target.kind === 'startup';
    if (ends || done) this.stop();
    if (result === this.#result) return;
    this.#result = result;
    onResult(target, result);
  }
}
