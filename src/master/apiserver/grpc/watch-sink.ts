import type { KindDeclaration } from '../../../api/kind.js';
import type { WatchBatch, WatchEvent } from '../../../gen/apiserver.js';
import { WatchEventType } from '../../../gen/apiserver.js';
import type { Sender } from '../../../lib/grpc/index.js';
import type { WatchItem, WatchSink } from '../verbs/index.js';
import { presentBytes } from '../verbs/index.js';
import { bookmarkObject } from '../content/bookmark.js';
import { encodeWatchBatch, messageBytes } from './object-messages.js';

/** Sends what gathers within a turn as one message, or as several when it is long. */
export class GrpcWatchSink implements WatchSink {
  readonly #stream: Sender<WatchBatch>;
  readonly #kind: KindDeclaration;
  readonly ended: Promise<void>;
  #end: () => void = () => undefined;

  constructor(stream: Sender<WatchBatch>, kind: KindDeclaration, signal: AbortSignal) {
    this.#stream = stream;
    this.#kind = kind;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  send(items: readonly WatchItem[]): boolean {
    let accepted = true;
    let events: WatchEvent[] = [];
    let size = 0;
    for (const item of items) {
      const event = this.#event(item);
      events.push(event);
      size += event.object.length;
      if (size < messageBytes) continue;
      accepted = this.#stream.sendEncoded(encodeWatchBatch(events));
      events = [];
      size = 0;
    }
    if (events.length > 0) accepted = this.#stream.sendEncoded(encodeWatchBatch(events));
    return accepted;
  }

  #event(item: WatchItem): WatchEvent {
    switch (item.type) {
      case 'ERROR': {
        const object = Buffer.from(JSON.stringify(item.error.status));
        return { type: WatchEventType.ERROR, object, resourceVersion: '' };
      }
      case 'BOOKMARK': {
        const object = Buffer.from(bookmarkObject(this.#kind, item));
        const resourceVersion = String(item.revision);
        return { type: WatchEventType.BOOKMARK, object, resourceVersion };
      }
      default:
        return {
          type: WatchEventType[item.type],
          object: presentBytes(this.#kind, item.entry),
          resourceVersion: String(item.entry.revision),
        };
    }
  }

  drained(): Promise<void> {
    return this.#stream.drained();
  }

  end(): void {
    this.#end();
  }
}
