import { watcherBufferedBytes } from '../limits.js';
import type { WatchItem, WatchSink } from '../verbs/index.js';
import type { Exchange } from './exchange.js';
import { drained, end, write, writeHead } from './exchange.js';
import { noteHeaders } from './respond.js';
import type { WatchEvents } from './watch-events.js';

/** Sends watch items one after the other in a chunked answer. */
export class WatchResponse implements WatchSink {
  readonly #exchange: Exchange;
  readonly #events: WatchEvents;

  constructor(exchange: Exchange, events: WatchEvents) {
    this.#exchange = exchange;
    this.#events = events;
    const headers = {
      'cache-control': 'no-cache, private',
      'content-type': events.contentType,
      ...noteHeaders(exchange),
    };
    writeHead(exchange.response, 200, headers);
    if ('flushHeaders' in exchange.response) exchange.response.flushHeaders();
  }

  send(items: readonly WatchItem[]): boolean {
    const { response } = this.#exchange;
    if (response.writableEnded || response.destroyed) return true;
    const pieces = items.map((item) => this.#events.bytes(item));
    const sent = write(response, pieces.length === 1 ? (pieces[0] ?? '') : Buffer.concat(pieces));
    if (response.writableLength > watcherBufferedBytes) response.destroy();
    return sent;
  }

  drained(): Promise<void> {
    return drained(this.#exchange.response);
  }

  end(): void {
    if (!this.#exchange.response.writableEnded) end(this.#exchange.response);
  }
}
