/** Time that the ingress waits for others: for an answer to begin, to go on, to be taken. */
import type { Readable } from 'node:stream';
import type { Clock } from '../../lib/clock.js';
import { clientLimits, upstreamLimits } from './limits.js';

/** Ends an answer that the client does not take, or the endpoint does not go on with. */
export function keepMoving(answer: Readable, clock: Clock, give: () => void): void {
  const stop = (): void => {
    answer.destroy();
    give();
  };
  const quiet = new Patience(clock, upstreamLimits.quietMs, stop);
  let stalled: Patience | undefined;
  answer.on('data', () => quiet.renew());
  answer.on('pause', () => {
    stalled ??= new Patience(clock, clientLimits.stallMs, stop);
  });
  answer.on('resume', () => {
    stalled?.end();
    stalled = undefined;
  });
  answer.on('close', () => {
    quiet.end();
    stalled?.end();
  });
}

/** Time that runs anew with every `renew`, and acts when it is over. */
export class Patience {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #act: () => void;
  #untilMs: number;
  #cancel: () => void;

  constructor(clock: Clock, ms: number, act: () => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#act = act;
    this.#untilMs = clock.monotonicMs() + ms;
    this.#cancel = clock.schedule(ms, () => this.#look());
  }

  renew(): void {
    this.#untilMs = this.#clock.monotonicMs() + this.#ms;
  }

  end(): void {
    this.#cancel();
  }

  #look(): void {
    const leftMs = this.#untilMs - this.#clock.monotonicMs();
    if (leftMs <= 0) this.#act();
    else this.#cancel = this.#clock.schedule(leftMs, () => this.#look());
  }
}
