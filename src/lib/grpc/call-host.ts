import type { Clock } from '../clock.js';
import type { Logger } from '../log.js';
import type { ByteBudget } from '../byte-budget.js';
import type { CallObserver, MethodDefinition } from './types.js';

/** A method with its handler, types erased: the definition's codecs and the handler agree by construction. */
export interface BoundMethod {
  readonly path: string;
  readonly definition: MethodDefinition;
  readonly handler: (...parameters: readonly unknown[]) => unknown;
  readonly observer: CallObserver | undefined;
}

/** The settings that all calls of a server share. */
export interface CallHost {
  readonly log: Logger;
  readonly clock: Clock;
  /** The longest request message. */
  readonly maxReceiveBytes: number;
  /** The time within which the message of a call with one request must arrive. @default unlimited */
  readonly requestMs?: number;
  /** The budget for compressed requests. @default unlimited */
  readonly inflateBudget?: ByteBudget;
}
