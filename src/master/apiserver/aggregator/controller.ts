import { apiServiceKind, localAvailable } from '../../../api/apiregistration/api-service.js';
import { cloneJson } from '../../../api/clone.js';
import type { KubeObject } from '../../../api/object.js';
import type { APIService } from '../../../api/types/policy.js';
import type { Clock } from '../../../lib/clock.js';
import type { BootstrapDeps } from '../bootstrap/bootstrap.js';
import { ensure, systemContext } from '../bootstrap/bootstrap.js';
import type { CacheEvent, CacheObserver } from '../cache/observers.js';
import type { ResourceCache } from '../cache/resource-cache.js';
import { remoteRetryMs } from '../limits.js';
import { isStatusError } from '../status.js';
import type { Checked } from './check.js';
import { localServices, planLocal } from './local-services.js';
import type { Step } from './local-services.js';
import type { Availability, RemoteApis } from './remote-apis.js';
import { availabilityOf } from './remote-apis.js';
import { servicePortOf } from './remote-call.js';

/** The dependencies of the controller. */
export interface ControllerDeps extends BootstrapDeps {
  readonly remotes: RemoteApis;
  readonly clock: Clock;
  readonly check: (api: APIService) => Promise<Checked>;
}

/** Definitions come in groups: what they change is looked at once for all. */
const settleMs = 50;

/**
 * Keeps the APIServices: one for each group and version of this server, and of every one whether its server can be
 * reached. Each master does so; what it would write is there already when another one was faster.
 */
export class AggregationController implements CacheObserver {
  readonly #deps: ControllerDeps;
  readonly #cache: ResourceCache;
  readonly #ends: (() => void)[] = [];
  #cancel: (() => void) | undefined;
  #cancelChecks: (() => void) | undefined;
  #syncing = false;
  #again = false;
  #checking = false;
  #checkAgain = false;
  #isStopped = false;
  #atStart = true;

  constructor(deps: ControllerDeps) {
    this.#deps = deps;
    this.#cache = deps.objects.cache(apiServiceKind);
  }

  /** The caches must be loaded, and the kinds of definitions declared. */
  start(): void {
    const { watchCache } = this.#deps.objects;
    const definitions = watchCache.cache('apiextensions.k8s.io/customresourcedefinitions');
    this.#ends.push(this.#cache.observe(this), definitions.observe(this.#asking()));
    for (const id of ['services', 'discovery.k8s.io/endpointslices']) {
      this.#ends.push(watchCache.cache(id).observe(this.#checkingOn()));
    }
    this.#schedule(0);
    this.#scheduleChecks(0);
  }

  stop(): void {
    this.#isStopped = true;
    for (const end of this.#ends.splice(0)) end();
    this.#cancel?.();
    this.#cancelChecks?.();
  }

  onEvent({ entry, previous, type }: CacheEvent): void {
    this.#schedule(settleMs);
    const { spec } = entry.object<APIService>();
    if (spec.service === undefined || type === 'DELETED') return;
    const before = previous?.object<APIService>().spec;
    if (JSON.stringify(before) !== JSON.stringify(spec)) this.#scheduleChecks(settleMs);
  }

  onReset(): void {
    this.#schedule(settleMs);
    this.#scheduleChecks(settleMs);
  }

  #asking(): CacheObserver {
    const ask = (): void => this.#schedule(settleMs);
    return { onEvent: ask, onReset: ask };
  }

  /** A Service or its servers changed: those that an APIService names are asked anew. */
  #checkingOn(): CacheObserver {
    const { remotes } = this.#deps;
    return {
      onEvent: ({ entry }) => {
        const concerns = remotes.list().some(({ service }) => {
          const { namespace, name } = servicePortOf(service);
          return entry.namespace === namespace && entry.name.startsWith(name);
        });
        if (concerns) this.#scheduleChecks(settleMs);
      },
      onReset: () => this.#scheduleChecks(settleMs),
    };
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped || this.#cancel !== undefined) return;
    this.#cancel = this.#deps.clock.schedule(delayMs, () => {
      this.#cancel = undefined;
      void this.#sync();
    });
  }

  async #sync(): Promise<void> {
    if (this.#syncing) {
      this.#again = true;
      return;
    }
    this.#syncing = true;
    try {
      await this.#keepLocal();
    } catch (error) {
      if (!isStatusError(error)) {
        this.#deps.objects.log.warn({ error }, 'the APIServices were not kept');
      }
      if (!this.#isStopped) this.#schedule(remoteRetryMs);
    } finally {
      this.#syncing = false;
      if (this.#again) this.#schedule(settleMs);
      this.#again = false;
    }
  }

  async #keepLocal(): Promise<void> {
    const wanted = localServices(this.#deps.kinds);
    const steps = planLocal(this.#present(), wanted, { atStart: this.#atStart });
    for (const step of steps) {
      if (this.#isStopped) return;
      await this.#take(step);
    }
    this.#atStart = false;
    for (const service of this.#present().values()) {
      if (this.#isStopped) return;
      if (service.spec.service === undefined) await this.#tell(service, localAvailable);
    }
  }

  #present(): Map<string, APIService> {
    return new Map(
      [...this.#cache.list()].map((entry) => [entry.name, entry.object<APIService>()]),
    );
  }

  async #take(step: Step): Promise<void> {
    const { objects, writer } = this.#deps;
    switch (step.type) {
      case 'create':
        return ensure(this.#deps, step.wanted);
      case 'update':
        await writer.update(systemContext(this.#deps, step.wanted), {
          createsMissing: false,
          tracksFields: false,
          next: (old) =>
            cloneJson({ ...(old ?? step.wanted), spec: step.wanted.spec }) as KubeObject,
        });
        return;
      case 'delete':
        await objects
          .change({ kind: apiServiceKind, namespace: '', name: step.name }, () => ({
            next: undefined,
          }))
          .catch(ignoreMissing);
    }
  }

  #scheduleChecks(delayMs: number): void {
    if (this.#isStopped) return;
    this.#cancelChecks?.();
    this.#cancelChecks = this.#deps.clock.schedule(delayMs, () => {
      this.#cancelChecks = undefined;
      void this.#checkAll();
    });
  }

  /** Asks all servers at once, and again after a while. */
  async #checkAll(): Promise<void> {
    if (this.#checking) {
      this.#checkAgain = true;
      return;
    }
    this.#checking = true;
    const { remotes } = this.#deps;
    await Promise.all(remotes.list().map((api) => this.#checkOne(api.service)));
    this.#checking = false;
    if (this.#cancelChecks === undefined) {
      this.#scheduleChecks(this.#checkAgain ? settleMs : remoteRetryMs);
    }
    this.#checkAgain = false;
  }

  async #checkOne(service: APIService): Promise<void> {
    const { remotes, check, objects } = this.#deps;
    try {
      const { condition, learned } = await check(service);
      const { group = '', version = '' } = service.spec;
      if (learned !== undefined) remotes.learn({ group, version }, learned);
      if (!this.#isStopped) await this.#tell(service, condition);
    } catch (error) {
      if (!isStatusError(error)) {
        objects.log.warn({ error, name: service.metadata.name }, 'an APIService was not checked');
      }
    }
  }

  /** Writes the condition where it is another one. */
  async #tell(
    service: APIService,
    condition: Pick<Availability, 'status' | 'reason' | 'message'>,
  ): Promise<void> {
    if (isSame(availabilityOf(service), condition)) return;
    const { objects } = this.#deps;
    const { name } = service.metadata;
    const place = { kind: apiServiceKind, namespace: '', name };
    await objects
      .change(place, (old) => ({
        next: withCondition(old as APIService, condition, objects.now()),
      }))
      .catch(ignoreMissing);
  }
}

function ignoreMissing(error: unknown): void {
  if (!isStatusError(error, 'NotFound')) throw error;
}

function isSame(
  present: Availability | undefined,
  wanted: Pick<Availability, 'status' | 'reason' | 'message'>,
): boolean {
  return (
    present?.status === wanted.status &&
    present.reason === wanted.reason &&
    present.message === wanted.message
  );
}

/** The object with the condition; its time is that of the last change of its status. */
function withCondition(
  old: APIService,
  wanted: Pick<Availability, 'status' | 'reason' | 'message'>,
  now: string,
): APIService {
  const present = availabilityOf(old);
  if (isSame(present, wanted)) return old;
  const isKept = present?.status === wanted.status;
  const lastTransitionTime = isKept ? (present.lastTransitionTime ?? now) : now;
  const others = (old.status?.conditions ?? []).filter(({ type }) => type !== 'Available');
  const condition = { type: 'Available', ...wanted, lastTransitionTime };
  return { ...old, status: { ...old.status, conditions: [...others, condition] } };
}
