import { IncomingMessage } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../../lib/clock.js';
import { leaveBody } from '../../../lib/http1.js';
import {
  bodyTimeoutMs,
  maxBodyBytesInAll,
  maxBodyBytesPerUser,
  maxRequestBytes,
} from '../limits.js';
import { timeout, tooLarge, tooManyInFlight } from '../status.js';
import type { Exchange } from './exchange.js';
import { header } from './exchange.js';

/** A part of the body will never be read: an HTTP/1 connection ends after the answer, an HTTP/2 stream is held back. */
function leaveUnread({ request, response }: Exchange, clock: Clock): void {
  if (request instanceof IncomingMessage) leaveBody(request, response as ServerResponse, clock);
  else request.pause();
}

/** Bytes that a body holds while it is being read. */
interface Held {
  add(bytes: number): void;
  release(): void;
}

/**
 * Reads the bodies of requests that have been let in. A body is bounded in bytes and in time; and all of them together
 * in bytes, of one user and in all, so that many that stall hold little.
 */
export class BodyReader {
  readonly #clock: Clock;
  readonly #byUser = new Map<string, number>();
  #all = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws StatusError 413 beyond the limit, 504 when the body does not come, 429 when too much is being read */
  read(exchange: Exchange, user: string): Promise<Buffer> {
    if (Number(header(exchange, 'content-length')) > maxRequestBytes) {
      leaveUnread(exchange, this.#clock);
      return Promise.reject(tooLarge(maxRequestBytes));
    }
    const { request } = exchange;
    const held = this.#hold(user);
    return new Promise<Buffer>((resolve, reject) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const over = (): void => {
        cancel();
        held.release();
        request.removeListener('data', onData);
        request.removeListener('end', onEnd);
        request.removeListener('error', onGone);
        request.removeListener('close', onGone);
      };
      const fail = (error: Error): void => {
        over();
        leaveUnread(exchange, this.#clock);
        reject(error);
      };
      const onData = (chunk: Buffer): void => {
        size += chunk.length;
        if (size > maxRequestBytes) {
          fail(tooLarge(maxRequestBytes));
          return;
        }
        try {
          held.add(chunk.length);
        } catch (error) {
          fail(error as Error);
          return;
        }
        chunks.push(chunk);
      };
      const onEnd = (): void => {
        over();
        const [first] = chunks;
        resolve(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, size));
      };
      const onGone = (): void => fail(timeout('the client left before its request was complete'));
      const cancel = this.#clock.schedule(bodyTimeoutMs, () => {
        fail(timeout('request did not complete within the allotted timeout'));
      });
      request.on('data', onData);
      request.on('end', onEnd);
      request.on('error', onGone);
      request.on('close', onGone);
      if (request.readableEnded) onEnd();
      else if (request.destroyed) onGone();
    });
  }

  #hold(user: string): Held {
    let mine = 0;
    const count = (bytes: number): void => {
      mine += bytes;
      this.#all += bytes;
      const left = (this.#byUser.get(user) ?? 0) + bytes;
      if (left === 0) this.#byUser.delete(user);
      else this.#byUser.set(user, left);
    };
    return {
      add: (bytes) => {
        const present = this.#byUser.get(user) ?? 0;
        if (this.#all + bytes > maxBodyBytesInAll || present + bytes > maxBodyBytesPerUser) {
          throw tooManyInFlight();
        }
        count(bytes);
      },
      release: () => count(-mine),
    };
  }

  /** Bytes of bodies that are being read. */
  get heldBytes(): number {
    return this.#all;
  }
}
