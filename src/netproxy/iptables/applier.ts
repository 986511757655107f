/** The shell around RuleSet: batches changes, runs iptables, repairs what others damaged. */
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { RunCommand } from '../command.js';
import type { SyncObserver } from '../observation/proxy-metrics.js';
import type { RuleSet } from './rule-set.js';

/** The dependencies and settings of {@link IptablesApplier}. */
export interface ApplierOptions {
  readonly rules: RuleSet;
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly log: Logger;
  /** Changes are gathered for this long before they are applied. @default 20 */
  readonly batchMs?: number;
  /** The interval at which the kernel's rules are compared with the wanted ones. @default 10_000 */
  readonly resyncMs?: number;
  /** @default nobody is told of syncs */
  readonly observer?: SyncObserver;
}

/** One thirtieth of the time at most goes into comparing. */
const resyncShare = 30;
const retryMs = 1000;
/** Loading 100,000 rules into an empty kernel takes iptables-nft minutes; a change takes a fifth of a second. */
const restoreMsMax = 600_000;

/**
 * Brings a {@link RuleSet} into the kernel: in batches, again after a failure, and again when others have changed it.
 */
export class IptablesApplier {
  readonly #options: ApplierOptions;
  readonly #waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #cancelBatch: (() => void) | undefined;
  #cancelResync: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #observe = true;
  #stopped = false;
  #prepare: (() => void) | undefined;

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  /** Called before each batch: the place to hand the rule set what changed, while no plan is under way. */
  onBatch(prepare: () => void): void {
    this.#prepare = prepare;
  }

  /** Something changed: apply it soon, together with what else changes meanwhile. */
  request(): void {
    if (this.#stopped) return;
    this.#options.observer?.queued();
    if (this.#cancelBatch !== undefined) return;
    this.#cancelBatch = this.#options.clock.schedule(this.#options.batchMs ?? 20, () => {
      this.#cancelBatch = undefined;
      this.#begin();
    });
  }

  /** Resolves when all that was requested before is in the kernel; rejects when stopped before. */
  applied(): Promise<void> {
    if (this.#stopped) return Promise.reject(new Error('the rules are no longer kept'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.request();
    });
  }

  /** Ends the work; rules stay. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelBatch?.();
    this.#cancelResync?.();
    await this.#running;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(new Error('stopped'));
  }

  /** After `stop`: removes all rules. */
  async cleanUp(): Promise<void> {
    const { rules, run } = this.#options;
    rules.observe(await this.#save());
    const plan = rules.planRemoval();
    if (plan !== '') await mustRun(run, 'iptables-restore', ['--noflush'], plan);
  }

  #begin(): void {
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    this.#running = this.#applyOnce().finally(() => {
      this.#running = undefined;
      if (!this.#again || this.#stopped) return;
      this.#again = false;
      this.#begin();
    });
  }

  async #applyOnce(): Promise<void> {
    const { rules, run, log, clock, observer } = this.#options;
    const beganMs = clock.monotonicMs();
    const served = this.#waiting.splice(0);
    try {
      if (this.#observe) {
        const saved = await this.#save();
        observer?.began();
        this.#prepare?.();
        rules.observe(saved);
        this.#observe = false;
      } else {
        observer?.began();
        this.#prepare?.();
      }
      const plan = rules.plan();
      if (plan !== '') {
        const startMs = clock.monotonicMs();
        await mustRun(run, 'iptables-restore', ['--noflush'], plan);
        const tookMs = Math.round(clock.monotonicMs() - startMs);
        log.debug({ lines: plan.length, tookMs }, 'applied rules');
      }
      rules.commit();
      observer?.synced(clock.monotonicMs() - beganMs);
      for (const waiting of served) waiting.resolve();
      this.#scheduleResync();
    } catch (error) {
      // The kernel's rules are not what we believed: look again and compare everything.
      log.warn({ error }, 'rules could not be applied; will compare and try again');
      observer?.failed();
      this.#observe = true;
      this.#waiting.unshift(...served);
      if (!this.#stopped) {
        this.#cancelResync?.();
        this.#cancelResync = clock.schedule(retryMs, () => {
          this.#cancelResync = undefined;
          this.#begin();
        });
      }
    }
  }

  #resyncDelayMs = 0;

  async #save(): Promise<string> {
    const { clock, run, resyncMs } = this.#options;
    const startMs = clock.monotonicMs();
    const saved = await mustRun(run, 'iptables-save', [], '');
    const tookMs = clock.monotonicMs() - startMs;
    this.#resyncDelayMs = Math.max(resyncMs ?? 10_000, tookMs * resyncShare);
    return saved;
  }

  #scheduleResync(): void {
    if (this.#cancelResync !== undefined || this.#stopped) return;
    this.#cancelResync = this.#options.clock.schedule(this.#resyncDelayMs, () => {
      this.#cancelResync = undefined;
      this.#observe = true;
      this.#begin();
    });
  }
}

async function mustRun(
  run: RunCommand,
  program: string,
  args: readonly string[],
  stdin: string,
): Promise<string> {
  const result = await run(program, args, { stdin, timeoutMs: restoreMsMax });
  if (result.code !== 0) {
    throw new Error(
      `${program} ${args.join(' ')}: ${result.code}: ${result.stderr.slice(0, 2000)}`,
    );
  }
  return result.stdout;
}
