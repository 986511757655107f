import type { Clock } from '../../lib/clock.js';
import type { Container, Probe } from '../../api/types/core.js';
import type { ProbeKind, ProbeOutcome, ProbeResult, ProbeTarget } from './prober.js';
import { initialResult, ProbeWorker } from './prober.js';

/** The tools and callbacks of a pod's probes. */
export interface ProbeManagerOptions {
  readonly clock: Clock;
  readonly attempt: (target: ProbeTarget) => Promise<ProbeOutcome>;
  readonly onResult: (target: ProbeTarget, result: ProbeResult) => void;
  readonly onNotice: (target: ProbeTarget, outcome: ProbeOutcome) => void;
}

/** The probes of every running container of one pod. */
export class ProbeManager {
  readonly #options: ProbeManagerOptions;
  readonly #workers = new Map<string, Map<ProbeKind, ProbeWorker>>();

  constructor(options: ProbeManagerOptions) {
    this.#options = options;
  }

  /**
   * Starts the probes of a container that runs; those that run already go on.
   * @param known what was found before an agent's restart
   */
  start(
    containerId: string,
    container: Container,
    known: Readonly<Partial<Record<ProbeKind, ProbeResult>>> = {},
  ): void {
    if (this.#workers.has(containerId)) return;
    const workers = new Map<ProbeKind, ProbeWorker>();
    this.#workers.set(containerId, workers);
    const kinds: readonly [ProbeKind, Probe | undefined][] = [
      ['startup', container.startupProbe],
      ['liveness', container.livenessProbe],
      ['readiness', container.readinessProbe],
    ];
    for (const [kind, probe] of kinds) {
      if (probe === undefined || (kind === 'startup' && known.startup === 'success')) continue;
      const target = { containerId, containerName: container.name, kind, probe };
      const started = (): boolean => kind === 'startup' || this.hasStarted(containerId);
      workers.set(
        kind,
        new ProbeWorker({
          target,
          clock: this.#options.clock,
          attempt: this.#options.attempt,
          initial: known[kind],
          mayRun: started,
          onNotice: this.#options.onNotice,
          onResult: (which, result) => {
            this.#options.onResult(which, result);
            if (kind === 'startup' && result === 'success') {
              for (const worker of workers.values()) worker.poke();
            }
          },
        }),
      );
    }
  }

  /** Ends the probes of a container that no longer runs. */
  stop(containerId: string): void {
    for (const worker of this.#workers.get(containerId)?.values() ?? []) worker.stop();
    this.#workers.delete(containerId);
  }

  stopAll(): void {
    for (const containerId of this.#workers.keys()) this.stop(containerId);
  }

  /** Returns a probe's result after its last attempts; a probe that the container does not have counts as a success. */
  result(containerId: string, kind: ProbeKind): ProbeResult {
    const workers = this.#workers.get(containerId);
    if (workers === undefined) return initialResult(kind);
    return workers.get(kind)?.result ?? 'success';
  }

  hasStarted(containerId: string): boolean {
    return this.result(containerId, 'startup') === 'success';
  }
}
