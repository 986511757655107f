import { cloneJson } from '../../../api/clone.js';
import { semanticEqual } from '../../../api/equal.js';
import { flowSchemaKind, priorityLevelKind } from '../../../api/flowcontrol/kinds.js';
import { mandatoryFlowSchemas, mandatoryLevels } from '../../../api/flowcontrol/mandatory.js';
import type { KubeObject } from '../../../api/object.js';
import type { FlowSchema, PriorityLevelConfiguration } from '../../../api/types/policy.js';
import type { Clock } from '../../../lib/clock.js';
import type { BootstrapDeps } from '../bootstrap/bootstrap.js';
import { ensure, systemContext } from '../bootstrap/bootstrap.js';
import type { CacheObserver } from '../cache/observers.js';
import { isStatusError } from '../status.js';
import { suggestedFlowSchemas, suggestedLevels } from './suggested.js';

/** `true`: the spec follows the server's; `false`: it is its owner's. */
const autoUpdate = 'apf.kubernetes.io/autoupdate-spec';
const settleMs = 100;
const retryMs = 10_000;

type Kept = FlowSchema | PriorityLevelConfiguration;

/** The levels come first: FlowSchemas refer to them. */
const kept: readonly (readonly Kept[])[] = [
  [...mandatoryLevels, ...suggestedLevels],
  [...mandatoryFlowSchemas, ...suggestedFlowSchemas],
];
const mandatory: ReadonlySet<Kept> = new Set([...mandatoryLevels, ...mandatoryFlowSchemas]);

/**
 * Keeps the levels and FlowSchemas that a cluster has from the first start on, and says of each FlowSchema whether its
 * level is there. Each master does so; what one would write is there already when another was faster.
 */
export class FlowKeeper {
  readonly #deps: BootstrapDeps;
  readonly #clock: Clock;
  readonly #ends: (() => void)[] = [];
  #cancel: (() => void) | undefined;
  #isRunning = false;
  #isStopped = false;

  constructor(deps: BootstrapDeps, clock: Clock) {
    this.#deps = deps;
    this.#clock = clock;
  }

  /** The caches must be loaded. */
  start(): void {
    const ask = (): void => this.#schedule(settleMs);
    const observer: CacheObserver = { onEvent: ask, onReset: ask };
    for (const kind of [flowSchemaKind, priorityLevelKind]) {
      this.#ends.push(this.#deps.objects.cache(kind).observe(observer));
    }
    this.#schedule(0);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
    for (const end of this.#ends.splice(0)) end();
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped || this.#cancel !== undefined) return;
    this.#cancel = this.#clock.schedule(delayMs, () => {
      this.#cancel = undefined;
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return this.#schedule(settleMs);
    this.#isRunning = true;
    try {
      for (const objects of kept) await Promise.all(objects.map((one) => this.#keep(one)));
      await this.#tellDangling();
    } catch (error) {
      if (!isStatusError(error)) {
        this.#deps.objects.log.warn({ error }, 'the FlowSchemas were not kept');
      }
      this.#schedule(retryMs);
    } finally {
      this.#isRunning = false;
    }
  }

  /** Makes an object that is missing, and gives back its spec, unless its owner took it over. */
  async #keep(wanted: Kept): Promise<void> {
    const isMandatory = mandatory.has(wanted);
    const metadata = { ...wanted.metadata, annotations: { [autoUpdate]: 'true' } };
    const object = { ...cloneJson(wanted), metadata } as KubeObject;
    const context = systemContext(this.#deps, object);
    const present = this.#deps.objects.cached(context.target)?.object<Kept>();
    if (present === undefined) return ensure(this.#deps, object);
    if (!isMandatory && !follows(present)) return;
    if (semanticEqual(present.spec, wanted.spec)) return;
    await this.#deps.writer.update(context, {
      createsMissing: false,
      tracksFields: false,
      next: (old) => cloneJson({ ...(old ?? object), spec: wanted.spec }) as KubeObject,
    });
  }

  async #tellDangling(): Promise<void> {
    const { objects } = this.#deps;
    const levels = objects.cache(priorityLevelKind);
    for (const entry of objects.cache(flowSchemaKind).list()) {
      const { spec, status } = entry.object<FlowSchema>();
      const level = spec.priorityLevelConfiguration.name;
      const condition = danglingCondition(level, levels.get(level) !== undefined);
      if (isSaid(status, condition)) continue;
      const place = { kind: flowSchemaKind, namespace: '', name: entry.name };
      await objects
        .change(place, (old) => ({
          next: withCondition(old as FlowSchema, condition, objects.now()),
        }))
        .catch((error: unknown) => {
          if (!isStatusError(error, 'NotFound')) throw error;
        });
    }
  }
}

/** The annotation decides; without it, an object that nobody has changed follows. */
function follows({ metadata }: Kept): boolean {
  const said = metadata.annotations?.[autoUpdate];
  return said === undefined ? metadata.generation === 1 : said === 'true';
}

type Condition = NonNullable<NonNullable<FlowSchema['status']>['conditions']>[number];

function danglingCondition(level: string, isThere: boolean): Condition {
  const subject = `This FlowSchema references the PriorityLevelConfiguration object named "${level}"`;
  return isThere
    ? { type: 'Dangling', status: 'False', reason: 'Found', message: `${subject} and it exists` }
    : {
        type: 'Dangling',
        status: 'True',
        reason: 'NotFound',
        message: `${subject} but there is no such object`,
      };
}

function isSaid(status: FlowSchema['status'], wanted: Condition): boolean {
  const found = status?.conditions?.find(({ type }) => type === wanted.type);
  return found?.status === wanted.status && found?.message === wanted.message;
}

function withCondition(old: FlowSchema, wanted: Condition, now: string): FlowSchema {
  if (isSaid(old.status, wanted)) return old;
  const others = (old.status?.conditions ?? []).filter(({ type }) => type !== wanted.type);
  const conditions = [...others, { ...wanted, lastTransitionTime: now }];
  return { ...old, status: { ...old.status, conditions } };
}
