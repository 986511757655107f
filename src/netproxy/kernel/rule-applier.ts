/** The shell around a set of rules: batches changes, hands them to the kernel, repairs what others damaged. */
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { SyncObserver } from '../observation/proxy-metrics.js';

/** Wanted rules, and what is known of those in the kernel. Pure: what was planned is there only by `commit`. */
export interface KernelRules {
  /** Takes what {@link Kernel.read} found. */
  observe(found: string): void;
  /** The text for {@link Kernel.write} that turns what is there into what is wanted; "" when nothing differs. */
  plan(): string;
  /** The last plan has been written. */
  commit(): void;
  /** The text that removes all. */
  planRemoval(): string;
}

/** The programs by which rules are read and written. */
export interface Kernel {
  read(): Promise<string>;
  /** All of it or nothing, as far as the kernel can. @throws when it was refused */
  write(plan: string): Promise<void>;
}

/** The dependencies and settings of {@link RuleApplier}. */
export interface ApplierOptions {
  readonly rules: KernelRules;
  readonly kernel: Kernel;
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

/**
 * Brings {@link KernelRules} into the kernel: in batches, again after a failure, and again when others have changed it.
 */
export class RuleApplier {
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
    const { rules, kernel } = this.#options;
    rules.observe(await this.#read());
    const plan = rules.planRemoval();
    if (plan !== '') await kernel.write(plan);
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
    const { rules, kernel, log, clock, observer } = this.#options;
    const beganMs = clock.monotonicMs();
    const served = this.#waiting.splice(0);
    try {
      if (this.#observe) {
        const found = await this.#read();
        observer?.began();
        this.#prepare?.();
        rules.observe(found);
        this.#observe = false;
      } else {
        observer?.began();
        this.#prepare?.();
      }
      const plan = rules.plan();
      if (plan !== '') {
        const startMs = clock.monotonicMs();
        await kernel.write(plan);
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

  async #read(): Promise<string> {
    const { clock, kernel, resyncMs } = this.#options;
    const startMs = clock.monotonicMs();
    const found = await kernel.read();
    const tookMs = clock.monotonicMs() - startMs;
    this.#resyncDelayMs = Math.max(resyncMs ?? 10_000, tookMs * resyncShare);
    return found;
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
