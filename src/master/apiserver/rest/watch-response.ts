import type { KindDeclaration } from '../../../api/kind.js';
import { bookmarkObject } from '../content/bookmark.js';
import {
  protobufDocument,
  protobufEntry,
  protobufFrame,
  protobufType,
} from '../content/protobuf-answers.js';
import { watcherBufferedBytes } from '../limits.js';
import type { Entry, WatchItem, WatchSink } from '../verbs/index.js';
import { presentBytes } from '../verbs/index.js';
import type { Exchange } from './exchange.js';
import { drained, end, write, writeHead } from './exchange.js';
import type { PresentOptions } from './present-options.js';
import { presentObject } from './present.js';
import { noteHeaders } from './respond.js';
import { tableBytes, tableRows } from './table.js';

type Encoded = Partial<Record<string, Buffer>>;
const lines = new WeakMap<Entry, Encoded>();
const tail = Buffer.from('}\n');

/** One event's line; encoded once for all watchers of the entry's own version. */
function plainLine(kind: KindDeclaration, type: string, entry: Entry): Buffer {
  const bytes = presentBytes(kind, entry);
  const head = `{"type":"${type}","object":`;
  if (bytes !== entry.bytes) return Buffer.concat([Buffer.from(head), bytes, tail]);
  let known = lines.get(entry);
  if (known === undefined) {
    known = {};
    lines.set(entry, known);
  }
  let line = known[type];
  if (line === undefined) {
    line = Buffer.concat([Buffer.from(head), bytes, tail]);
    known[type] = line;
  }
  return line;
}

/** Sends watch items as JSON lines in a chunked answer. */
export class WatchResponse implements WatchSink {
  readonly #exchange: Exchange;
  readonly #options: PresentOptions;
  #tables = 0;

  constructor(exchange: Exchange, options: PresentOptions) {
    this.#exchange = exchange;
    this.#options = options;
    const headers = {
      'cache-control': 'no-cache, private',
      'content-type':
        options.format.type === 'protobuf' ? `${protobufType};stream=watch` : 'application/json',
      ...noteHeaders(exchange),
    };
    writeHead(exchange.response, 200, headers);
    if ('flushHeaders' in exchange.response) exchange.response.flushHeaders();
  }

  send(items: readonly WatchItem[]): boolean {
    const { response } = this.#exchange;
    if (response.writableEnded || response.destroyed) return true;
    const pieces = items.map((item) => this.#line(item));
    const sent = write(response, pieces.length === 1 ? (pieces[0] ?? '') : Buffer.concat(pieces));
    if (response.writableLength > watcherBufferedBytes) response.destroy();
    return sent;
  }

  #line(item: WatchItem): Buffer {
    const { kind, format } = this.#options;
    if (format.type === 'protobuf') return this.#frame(item);
    switch (item.type) {
      case 'ERROR':
        return Buffer.from(`{"type":"ERROR","object":${JSON.stringify(item.error.status)}}\n`);
      case 'BOOKMARK':
        return Buffer.from(`{"type":"BOOKMARK","object":${this.#bookmark(item)}}\n`);
      default: {
        if (format.as === undefined) return plainLine(kind, item.type, item.entry);
        const object = this.#transformed(item.entry);
        return Buffer.concat([Buffer.from(`{"type":"${item.type}","object":`), object, tail]);
      }
    }
  }

  #frame(item: WatchItem): Buffer {
    const { kind, format } = this.#options;
    switch (item.type) {
      case 'ERROR': {
        const status = Buffer.from(JSON.stringify(item.error.status));
        return protobufFrame(item.type, protobufDocument(status));
      }
      case 'BOOKMARK': {
        const bookmark = Buffer.from(bookmarkObject(kind, item));
        return protobufFrame(item.type, protobufDocument(bookmark));
      }
      default: {
        const partial = format.as === undefined ? undefined : format.asVersion;
        return protobufFrame(item.type, protobufEntry(kind, item.entry, partial));
      }
    }
  }

  #bookmark(item: { readonly revision: number; readonly initialEnd: boolean }): string {
    const { kind, format } = this.#options;
    if (format.as !== 'Table') return bookmarkObject(kind, item);
    const meta = metaAt(item.revision);
    return tableBytes(meta, [], this.#options, this.#tables++ === 0).toString();
  }

  #transformed(entry: Entry): Buffer {
    if (this.#options.format.as !== 'Table') return presentObject(entry, this.#options);
    const rows = tableRows([entry], this.#options);
    return tableBytes(metaAt(entry.revision), rows, this.#options, this.#tables++ === 0);
  }

  drained(): Promise<void> {
    return drained(this.#exchange.response);
  }

  end(): void {
    if (!this.#exchange.response.writableEnded) end(this.#exchange.response);
  }
}

function metaAt(revision: number): {
  resourceVersion: string;
  continue: string;
  remainingItemCount: undefined;
} {
  return { resourceVersion: String(revision), continue: '', remainingItemCount: undefined };
}
