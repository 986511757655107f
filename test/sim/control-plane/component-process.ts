/**
 * A scheduler or a controller manager as a process: it takes part in the election, works while it leads, and ends when
 * that fails.
 */
import { createApiClient, runLeaderElection } from '../../../src/client/index.js';
import type { GrpcApiClient, Leadership } from '../../../src/client/index.js';
import { fixedTls } from '../../../src/lib/pki/tls-source.js';
import { runWhileLeading } from '../../../src/master/component/run.js';
import { startControllers } from '../../../src/master/controllers/start.js';
import { startScheduler } from '../../../src/master/scheduler/scheduler.js';
import type { Life } from './process.js';
import { SimProcess } from './process.js';
import type { Identity } from './wire.js';
import type { ControlPlaneWorld } from './world.js';

/** The election's times: kube's proportions, in simulated milliseconds. */
const election = { leaseDurationMs: 6_000, renewDeadlineMs: 4_000, retryPeriodMs: 1_500 } as const;

/** A client of all API servers, for the present life of a process. */
export function clientOf(process: SimProcess, identity: Identity): GrpcApiClient {
  const { world, prng, life } = process;
  if (life === undefined) throw new Error(`${process.name} is down`);
  const servers = prng.shuffle(world.apiServers.map(({ name }) => name));
  return createApiClient({
    servers,
    log: process.logger(),
    clock: process.clock,
    connect: (target) => world.network.channel(process, life, target, identity),
  });
}

/** The components, which run while they lead. */
export type ComponentName = 'kube-scheduler' | 'kube-controller-manager';

/** See above. */
export class ComponentProcess extends SimProcess {
  readonly component: ComponentName;
  /** In simulated microseconds, when the present leadership began; undefined while it does not lead. */
  leadsSinceUs: number | undefined;
  #stop = new AbortController();

  constructor(world: ControlPlaneWorld, component: ComponentName, number: number) {
    super(world, `${component}-${number}`);
    this.component = component;
  }

  protected begin(life: Life): void {
    const { world, component, clock } = this;
    const log = this.logger();
    this.#stop = new AbortController();
    const identity = { commonName: `system:${component}`, organizations: [] };
    const client = world.canaries.componentClient(clientOf(this, identity));
    const prng = this.prng.fork();
    const lead = async (leadership: Leadership): Promise<void> => {
      const { signal } = leadership;
      this.leadsSinceUs = world.queue.now;
      signal.addEventListener('abort', () => {
        if (this.life === life) this.#endLeading();
      });
      await runWhileLeading(
        { client, clock, log, prng },
        (parts, until) =>
          component === 'kube-scheduler'
            ? startScheduler(parts, until)
            : startControllers({ ...parts, flags: { rootCa: fixedTls('simulated') } }, until),
        world.canaries.leading(leadership),
      );
    };
    world.own(this, life, () =>
      runLeaderElection(
        {
          client,
          name: component,
          identity: this.identityOf(life),
          clock,
          log,
          ...election,
          lead,
        },
        this.#stop.signal,
      ).then(() => this.kill()),
    );
  }

  /** As SIGTERM: ends what it does, gives the lease up, and ends. */
  terminate(): void {
    this.#stop.abort();
  }

  /** Returns the holder of the lease when that life leads. */
  identityOf(life: Life): string {
    return `${this.name}-${life.number}`;
  }

  protected ended(): void {
    this.#endLeading();
  }

  #endLeading(): void {
    if (this.leadsSinceUs === undefined) return;
    this.leadsSinceUs = undefined;
    this.world.leaders.ended(this.component);
  }
}
