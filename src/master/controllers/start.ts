import type { ApiClient, InformerFactory } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { UsageError } from '../../lib/usage-error.js';
import type { Prng } from '../../lib/prng.js';
import { registry } from './registry.js';
import type { QueueMetrics } from '../../client/controller/context.js';
import type { ControllerContext } from './context.js';
import { EventSink } from '../../client/events/recorder.js';
import type { ControllerFlags } from './flags.js';
import { defaultFlags } from './flags.js';

/** The dependencies that all controllers share; a flag that is left out keeps its default. */
export interface StartControllersOptions {
  readonly client: ApiClient;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  readonly flags?: Partial<ControllerFlags>;
  readonly metrics?: QueueMetrics;
}

/**
 * Makes all controllers, waits for their informers, and lets them go.
 * @returns a handle whose `stop` resolves when no reconcile is under way
 */
export async function startControllers(
  options: StartControllersOptions,
  signal?: AbortSignal,
): Promise<{ stop(): Promise<void> }> {
  const { client, clock, informers, log, prng } = options;
  const flags: ControllerFlags = { ...defaultFlags, ...options.flags };
  checkNames(flags.controllers);
  const sink = new EventSink({ client, clock, log });
  const context: ControllerContext = {
    client,
    informers,
    clock,
    prng,
    log,
    flags,
    ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
    recorder: (component) => sink.recorder(component),
  };
  const controllers = Object.entries(registry)
    .filter(([name]) => isEnabled(name, flags.controllers))
    .flatMap(([, create]) => create(context));
  try {
    await informers.waitForSync(signal);
  } catch (error) {
    await Promise.all(controllers.map((controller) => controller.stop()));
    throw error;
  }
  for (const controller of controllers) controller.start();
  log.info({ controllers: controllers.length }, 'controllers run');
  return {
    stop: async () => {
      await Promise.all(controllers.map((controller) => controller.stop()));
    },
  };
}

/** @throws UsageError for a name that no controller has */
export function checkNames(wanted: readonly string[]): void {
  for (const given of wanted) {
    const name = given.replace(/^-/, '');
    if (given === '*' || Object.hasOwn(registry, name)) continue;
    throw new UsageError(`${JSON.stringify(name)} is not in the list of known controllers`);
  }
}

/** As kube-controller-manager's `--controllers`: "*" is all, "name" one, "-name" not that one. */
export function isEnabled(name: string, wanted: readonly string[]): boolean {
  if (wanted.includes(`-${name}`)) return false;
  return wanted.includes(name) || wanted.includes('*');
}
