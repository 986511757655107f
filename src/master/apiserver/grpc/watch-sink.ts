import type { KindDeclaration } from '../../../api/kind.js';
import type { WatchBatch, WatchEvent } from '../../../gen/apiserver.js';
import { WatchEventType } from '../../../gen/apiserver.js';
import type { Sender } from '../../../lib/grpc/index.js';
import type { WatchItem, WatchSink } from '../verbs/index.js';
import { presentBytes } from '../verbs/index.js';
import { bookmarkObject } from '../rest/watch-response.js';

/** Events in one message; a long initial state is sent in several. */
const batchEvents = 500;

/** Sends what gathers within a turn as one message. */
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
    for (let start = 0; start < items.length; start += batchEvents) {
      const events = items.slice(start, start + batchEvents).map((item) => this.#event(item));
      accepted = this.#stream.send({ events });
    }
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
