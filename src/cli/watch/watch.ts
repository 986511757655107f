import { delay } from '../../lib/clock.js';
import type { Channel } from '../../lib/grpc/index.js';
import type { CommandContext } from '../context.js';
import { findElections } from '../../client/observation/elections.js';
import type { Election } from '../../client/observation/elections.js';
import { feed } from './feed.js';
import type { Happening } from '../../client/observation/model.js';
import { WatchModel } from '../../client/observation/model.js';
import {
  jsonElection,
  jsonLine,
  jsonMember,
  plainElection,
  plainLine,
  plainMember,
} from './plain.js';
import type { Screen } from './screen.js';
import { renderLastElection, renderScreen } from './view.js';

/** The forms of output. */
export type WatchOutput = 'screen' | 'plain' | 'json';

/** Between two pictures at most so long; after an event at least this short. */
const frameMs = { idle: 250, least: 50 };
/** JSON tells the state of each member so often, besides its changes. */
const statesEveryMs = 1000;
/** Scheduler and controllers are waited for so long after an election: longer than their leases. */
const settleMs = 15_000;
/** The first states of all members are waited for so long. */
const beginMs = 1500;

/** A cluster that is watched: the model, and what the watcher itself cannot reach. */
export class ClusterWatch {
  readonly model = new WatchModel();
  readonly #context: CommandContext;
  readonly #channels: readonly Channel[];
  readonly #troubles = new Map<string, string>();
  #tellHappenings: (happenings: readonly Happening[]) => void = () => undefined;
  #tellTrouble: (server: string, error: string | undefined) => void = () => undefined;
  #news: () => void = () => undefined;

  /** @param channels one for each master */
  constructor(context: CommandContext, channels: readonly Channel[]) {
    this.#context = context;
    this.#channels = channels;
  }

  /** Masters that do not answer the watcher, each on one line. */
  get troubles(): readonly string[] {
    return [...this.#troubles].map(([server, error]) => `${server} does not answer: ${error}`);
  }

  /** Reads what the masters tell until `signal` aborts. @throws when no master can be watched */
  async read(signal: AbortSignal): Promise<void> {
    const { clock } = this.#context;
    const options = {
      channels: this.#channels,
      clock,
      cursors: () => this.model.cursors(),
      observed: (observation: Parameters<WatchModel['observe']>[0]) =>
        this.#happened(this.model.observe(observation, clock.nowMs())),
      trouble: (server: string, error: string | undefined) => {
        if (error === undefined) this.#troubles.delete(server);
        else this.#troubles.set(server, error);
        this.#tellTrouble(server, error);
        this.#news();
      },
    };
    await feed(options, signal);
  }

  #happened(happenings: readonly Happening[]): void {
    this.#tellHappenings(happenings);
    this.#news();
  }

  /** Draws until `signal` aborts. */
  async draw(
    screen: Screen,
    signal: AbortSignal,
    narration: () => readonly string[] = () => [],
  ): Promise<void> {
    const { clock } = this.#context;
    while (!signal.aborted) {
      this.#happened(this.model.tick(clock.nowMs()));
      screen.draw(
        renderScreen({
          model: this.model,
          nowMs: clock.nowMs(),
          columns: screen.columns,
          rows: screen.rows,
          palette: screen.palette,
          troubles: this.troubles,
          narration: narration(),
        }),
      );
      await delay(clock, frameMs.least, signal);
      await this.#untilNews(frameMs.idle, signal);
    }
  }

  /** Resolves when something has happened since the call, after a while, or when it is over. */
  async #untilNews(waitMs: number, signal: AbortSignal): Promise<void> {
    const wait = new AbortController();
    const wake = (): void => wait.abort();
    this.#news = wake;
    signal.addEventListener('abort', wake, { once: true });
    await delay(this.#context.clock, waitMs, wait.signal);
    signal.removeEventListener('abort', wake);
  }

  /** The time line of the last election, for when the screen is gone. */
  lastElection(screen: Screen): string {
    const lines = renderLastElection(this.model, screen.palette, screen.columns);
    return lines.map((line) => `${line}\n`).join('');
  }

  /** Writes a line for what happens from now on until `signal` aborts. */
  async write(asJson: boolean, signal: AbortSignal): Promise<void> {
    const { clock, out, err } = this.#context;
    const { model } = this;
    const beganMs = clock.nowMs();
    const line = (text: string | undefined): void => {
      if (text !== undefined) out(`${text}\n`);
    };
    this.#tellTrouble = (server, error) => {
      const text = error === undefined ? 'answers again' : `does not answer: ${error}`;
      err(`${server} ${text}\n`);
    };
    await this.#firstStates(signal);
    const memberLine = asJson
      ? jsonMember
      : (member: Parameters<typeof plainMember>[0]) => plainMember(member, clock.nowMs());
    for (const member of model.members) line(memberLine(member, model));
    const tell = (happening: Happening): void => {
      if (happening.atMs < beganMs) return;
      line(asJson ? jsonLine(happening, model) : plainLine(happening, model));
    };
    // Present states are told at the beginning, however old they are.
    const isPresent = ({ kind }: Happening): boolean => kind === 'component' || kind === 'node';
    for (const one of model.happenings) {
      if (isPresent(one)) line(asJson ? jsonLine(one, model) : plainLine(one, model));
      else tell(one);
    }
    const told = new Set(this.#overElections().map(({ startedMs }) => startedMs));
    this.#tellHappenings = (happenings) => {
      for (const happening of happenings) tell(happening);
    };
    let statesMs = clock.monotonicMs();
    while (!signal.aborted) {
      await delay(clock, frameMs.idle, signal);
      this.#happened(model.tick(clock.nowMs()));
      for (const election of this.#overElections()) {
        if (told.has(election.startedMs)) continue;
        told.add(election.startedMs);
        line(asJson ? jsonElection(election) : plainElection(election));
      }
      if (!asJson || clock.monotonicMs() - statesMs < statesEveryMs) continue;
      statesMs = clock.monotonicMs();
      for (const member of model.members) line(jsonMember(member, model));
    }
  }

  /** Elections are over when it is known as well what writers felt, and where the components are. */
  #overElections(): Election[] {
    const nowMs = this.#context.clock.nowMs();
    const elections = findElections(this.model.happenings, (id) => this.model.nameOf(id));
    const isSettled = this.model.isSettled(nowMs);
    return elections.filter(({ isOver, steps }) => {
      const sinceMs = nowMs - (steps.at(-1)?.atMs ?? 0);
      return isOver && sinceMs > (isSettled ? statesEveryMs : settleMs);
    });
  }

  async #firstStates(signal: AbortSignal): Promise<void> {
    const { clock } = this.#context;
    const giveUpMs = clock.monotonicMs() + beginMs;
    const { model } = this;
    const isComplete = (): boolean =>
      model.members.length > 0 &&
      model.apiAnsweredMs !== undefined &&
      model.members.every(({ state }) => state !== undefined);
    while (!signal.aborted && !isComplete() && clock.monotonicMs() < giveUpMs) {
      await delay(clock, frameMs.least, signal);
    }
  }
}
