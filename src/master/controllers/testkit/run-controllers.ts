/** Runs single controllers on the fake API, for tests of what their classes do around the plan. */
import type { KubeObject } from '../../../api/object.js';
import { createInformerFactory } from '../../../client/index.js';
import { FakeApi } from '../../../client/testkit/fake.js';
import type { ObjectKey, ResourceId } from '../../../client/types.js';
import { delay, systemClock } from '../../../lib/clock.js';
import { silentLogger as log } from '../../../lib/log.js';
import { Prng } from '../../../lib/prng.js';
import type { ControllerFlags } from '../flags.js';
import { startControllers } from '../start.js';

/** Controllers that run, and the API that they run on. */
export interface RunningControllers {
  readonly api: FakeApi;
  /** Resolves with what `look` finds once it finds something; rejects after 15 seconds. */
  until<T>(what: string, look: () => Promise<T | undefined>): Promise<T>;
  /** The object, once `holds` for it. */
  untilObject<T extends KubeObject>(
    resource: ResourceId,
    key: ObjectKey,
    holds: (object: T) => boolean,
  ): Promise<T>;
  stop(): Promise<void>;
}

/** Starts the controllers of these names. */
export async function runControllers(
  controllers: readonly string[],
  flags: Partial<ControllerFlags> = {},
): Promise<RunningControllers> {
  const api = new FakeApi();
  const clock = systemClock();
  const informers = createInformerFactory({ client: api, clock, log });
  const parts = { client: api, informers, clock, log, prng: new Prng(1) };
  const running = await startControllers({ ...parts, flags: { ...flags, controllers } });
  const until: RunningControllers['until'] = async (what, look) => {
    const deadlineMs = clock.monotonicMs() + 15_000;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (clock.monotonicMs() > deadlineMs) throw new Error(`never happened: ${what}`);
      await delay(clock, 2);
    }
  };
  return {
    api,
    until,
    untilObject: <T extends KubeObject>(
      resource: ResourceId,
      key: ObjectKey,
      holds: (object: T) => boolean,
    ) =>
      until(`${resource.resource} ${key.name} is as it should be`, async () => {
        const object = await api.get<T>(resource, key).catch(() => undefined);
        return object !== undefined && holds(object) ? object : undefined;
      }),
    stop: async () => {
      await running.stop();
      informers.stop();
    },
  };
}
