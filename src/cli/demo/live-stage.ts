import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import { formatMs } from '../../client/observation/describe.js';
import type { KnownMember, WatchModel } from '../../client/observation/model.js';
import { silentAfterMs } from '../../client/observation/model.js';
import type { HostFaults } from './host-faults.js';
import type { Ledger } from './ledger.js';
import type { Leader, Stage } from './scenes.js';

/** Time to read what was said. */
const restMs = 3000;
const lookEveryMs = 50;
/** What has not come about after so long will not. */
const patienceMs = 60_000;
/** A master is said to have caught up when it lacks no more entries than these. */
const smallLag = 20;

/** The demonstration was ended by its user. */
export class DemoEndedError extends Error {
  override readonly name = 'DemoEndedError';
}

/** Plays on a real cluster; what comes about it sees in what the members tell. */
export class LiveStage implements Stage {
  readonly #model: WatchModel;
  readonly #faults: HostFaults;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #say: (text: string) => void;

  constructor(parts: {
    readonly model: WatchModel;
    readonly faults: HostFaults;
    readonly ledger: Ledger;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly say: (text: string) => void;
  }) {
    this.#model = parts.model;
    this.#faults = parts.faults;
    this.#ledger = parts.ledger;
    this.#clock = parts.clock;
    this.#signal = parts.signal;
    this.#say = parts.say;
  }

  get canIsolate(): boolean {
    return this.#faults.canIsolate;
  }

  say(text: string): void {
    this.#say(text);
  }

  async rest(): Promise<void> {
    await delay(this.#clock, restMs, this.#signal);
    this.#mayGoOn();
  }

  async kill(name: string): Promise<void> {
    this.#mayGoOn();
    this.#faults.kill(name);
  }

  restart(name: string): Promise<void> {
    this.#mayGoOn();
    return this.#faults.restart(name);
  }

  async pause(name: string): Promise<void> {
    this.#mayGoOn();
    this.#faults.pause(name);
  }

  async resume(name: string): Promise<void> {
    this.#faults.resume(name);
  }

  isolate(name: string): Promise<void> {
    this.#mayGoOn();
    return this.#faults.isolate(name);
  }

  heal(name: string): Promise<void> {
    return this.#faults.heal(name);
  }

  leader(except?: string): Promise<Leader> {
    return this.#until('a master leads', () => {
      const leaders = this.#alive().filter(({ state }) => state?.role === 'leader');
      const newest = Math.max(...leaders.map(({ state }) => state?.term ?? 0));
      const leader = leaders.find(({ state }) => state?.term === newest);
      if (leader === undefined || leader.name === except) return undefined;
      return { name: leader.name, term: newest };
    });
  }

  async steppedDown(name: string): Promise<void> {
    await this.#until(`${name} steps down`, () =>
      this.#alive().some((one) => one.name === name && one.state?.role !== 'leader')
        ? true
        : undefined,
    );
  }

  async askedInVain(name: string, times: number): Promise<void> {
    const sinceMs = this.#clock.nowMs();
    await this.#until(`${name} asks for pre-votes`, () => {
      const asked = this.#model.happenings.filter(
        (one) =>
          one.kind === 'event' &&
          one.member === name &&
          one.atMs >= sinceMs &&
          one.event.kind === 'preCandidate',
      );
      return asked.length >= times ? true : undefined;
    });
  }

  async caughtUp(name: string): Promise<void> {
    await this.#until(`${name} catches up`, () => {
      const alive = this.#alive();
      const one = alive.find((member) => member.name === name)?.state;
      const leader = alive.find(({ id }) => id === one?.leader)?.state;
      const isFollowing = one?.role === 'follower' && leader?.role === 'leader';
      return isFollowing && leader.commit - one.applied <= smallLag ? true : undefined;
    });
  }

  async aFollower(): Promise<string> {
    const follower = await this.#until('a master follows', () =>
      this.#alive().find(({ state }) => state?.role === 'follower'),
    );
    return follower.name;
  }

  takeGap(): string {
    return formatMs(this.#ledger.takeLongestGapMs(this.#clock.monotonicMs()));
  }

  #alive(): readonly KnownMember[] {
    const nowMs = this.#clock.nowMs();
    return this.#model.members.filter(
      ({ error, state, stateMs }) =>
        error === undefined && state !== undefined && nowMs - stateMs < silentAfterMs,
    );
  }

  async #until<T>(what: string, look: () => T | undefined): Promise<T> {
    const giveUpMs = this.#clock.monotonicMs() + patienceMs;
    for (;;) {
      this.#mayGoOn();
      const found = look();
      if (found !== undefined) return found;
      if (this.#clock.monotonicMs() > giveUpMs) {
        throw new Error(`waited for ${patienceMs / 1000} s until ${what}: in vain`);
      }
      await delay(this.#clock, lookEveryMs, this.#signal);
    }
  }

  /** @throws DemoEndedError */
  #mayGoOn(): void {
    if (this.#signal.aborted) throw new DemoEndedError('the demonstration was ended');
  }
}
