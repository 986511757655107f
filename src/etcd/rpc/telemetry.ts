import type {
  MemberReport,
  MemberState,
  TelemetryDefinition,
  WatchRequest,
} from '../../gen/telemetry.js';
import type { Clock } from '../../lib/clock.js';
import type { CallContext, Handlers, Sender } from '../../lib/grpc/types.js';
import { etcdError } from '../apply/errors.js';
import { eventsPerReport, maxTelemetryStreams, stateIntervalMs } from '../guards/limits.js';
import type { EventJournal } from '../telemetry/event-journal.js';
import type { CallerIdentity } from './auth-info.js';

/** The member, as the telemetry service needs it. */
export interface TelemetryMember {
  readonly config: { readonly clock: Clock; readonly name: string };
  readonly memberId: bigint;
  readonly journal: Pick<EventJournal, 'startedMs' | 'last' | 'after' | 'onEvent'>;
  /** Its state of now. */
  state(): MemberState;
}

/** Tells whoever may ask for the member's status what happens to it (`proto/telemetry.proto`). */
export class TelemetryService implements Handlers<typeof TelemetryDefinition> {
  readonly #member: TelemetryMember;
  readonly #identity: Pick<CallerIdentity, 'known'>;
  #streams = 0;

  constructor(member: TelemetryMember, identity: Pick<CallerIdentity, 'known'>) {
    this.#member = member;
    this.#identity = identity;
  }

  async watch(
    request: WatchRequest,
    stream: Sender<MemberReport>,
    context: CallContext,
  ): Promise<void> {
    await this.#identity.known(context);
    if (this.#streams >= maxTelemetryStreams) throw etcdError('tooManyRequests');
    this.#streams++;
    try {
      await this.#tell(request, stream, context.signal);
    } finally {
      this.#streams--;
    }
  }

  async #tell(
    request: WatchRequest,
    stream: Sender<MemberReport>,
    signal: AbortSignal,
  ): Promise<void> {
    const { journal } = this.#member;
    const isSameRun = request.startedMs === journal.startedMs;
    // One that claims to know more than there is has another run in mind.
    let known = isSameRun ? Math.min(request.afterSequence, journal.last) : 0;
    const everyMs = intervalOf(request);
    while (!signal.aborted && !stream.ended) {
      const report = this.#report(known);
      known += report.missed + report.events.length;
      if (!stream.send(report)) await stream.drained();
      if (known === journal.last) await this.#news(everyMs, signal);
    }
  }

  #report(known: number): MemberReport {
    const { config, journal, memberId } = this.#member;
    const { missed, events } = journal.after(known, eventsPerReport);
    return {
      member: memberId,
      name: config.name,
      startedMs: journal.startedMs,
      nowMs: config.clock.nowMs(),
      missed,
      events,
      state: this.#member.state(),
    };
  }

  /** Resolves at the next event, when the next state is due, or when the call is over. */
  #news(waitMs: number, signal: AbortSignal): Promise<void> {
    const { config, journal } = this.#member;
    // A slow reader may have gone while it was waited for.
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        stop();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = config.clock.schedule(waitMs, done);
      const stop = journal.onEvent(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}

function intervalOf({ stateIntervalMs: asked }: WatchRequest): number {
  const { min, max, default: usual } = stateIntervalMs;
  return asked === 0 ? usual : Math.min(max, Math.max(min, asked));
}
