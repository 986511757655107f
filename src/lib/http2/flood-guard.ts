import type { Clock } from '../clock.js';
import { errorCode, limits } from './constants.js';
import { Http2Error } from './errors.js';
import { FrameBudget } from './frame-budget.js';

const kibibyte = 1024;
/** Frames that a peer earns by what it gets whole. */
const earnedByServed = 2;

/**
 * Counts the frames of a connection that cost time and bring nothing, and ends it with ENHANCE_YOUR_CALM when they are
 * too many (RFC 9113, section 10.5).
 */
export class FloodGuard {
  readonly #settings: FrameBudget;
  readonly #control: FrameBudget;
  #emptyFrames = 0;
  #servedCount = 0;
  #sentBytes = 0;

  constructor(clock: Clock) {
    this.#settings = new FrameBudget(clock, limits.settings);
    this.#control = new FrameBudget(clock, limits.control);
  }

  /** @throws Http2Error */
  onSettings(): void {
    if (!this.#settings.take()) throw tooMany('settings');
  }

  /** @param bytes with the padding, which takes from the windows @throws Http2Error */
  onData(bytes: number, endsStream: boolean): void {
    if (bytes > 0) this.#emptyFrames = 0;
    else if (!endsStream && ++this.#emptyFrames > limits.emptyFrames) throw tooMany('empty frames');
  }

  /**
   * PING, WINDOW_UPDATE, PRIORITY and the like.
   * @param servedCount messages and header blocks that the peer has got so far @param sentBytes data that it has got so
   * far
   * @throws Http2Error
   */
  onControl(servedCount: number, sentBytes: number): void {
    const earned =
      (servedCount - this.#servedCount) * earnedByServed + (sentBytes - this.#sentBytes) / kibibyte;
    this.#servedCount = servedCount;
    this.#sentBytes = sentBytes;
    if (!this.#control.take(earned)) throw tooMany('frames that carry nothing');
  }
}

function tooMany(what: string): Http2Error {
  return new Http2Error(errorCode.enhanceYourCalm, `too many ${what}`);
}
