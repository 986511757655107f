/** Events of watches in the formats that clients may ask for. */
import type { KindDeclaration } from '../../../api/kind.js';
import { bookmarkObject } from '../content/bookmark.js';
import {
  protobufDocument,
  protobufEntry,
  protobufFrame,
  protobufType,
} from '../content/protobuf-answers.js';
import type { Entry, WatchItem } from '../verbs/index.js';
import { presentBytes } from '../verbs/index.js';
import type { PresentOptions } from './present-options.js';
import { presentObject } from './present.js';
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

/** The events of one watch as its client wants them. */
export class WatchEvents {
  readonly #options: PresentOptions;
  #tables = 0;

  constructor(options: PresentOptions) {
    this.#options = options;
  }

  /** True when events are text. */
  get areText(): boolean {
    return this.#options.format.type !== 'protobuf';
  }

  /** The type of the answer that holds them one after the other. */
  get contentType(): string {
    return this.areText ? 'application/json' : `${protobufType};stream=watch`;
  }

  /** One event: a line of JSON, or a message of protobuf behind its length. */
  bytes(item: WatchItem): Buffer {
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
}

function metaAt(revision: number): {
  resourceVersion: string;
  continue: string;
  remainingItemCount: undefined;
} {
  return { resourceVersion: String(revision), continue: '', remainingItemCount: undefined };
}
