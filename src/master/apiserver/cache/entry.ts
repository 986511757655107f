import type { FieldGetters } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import { parseObject, spliceVersion } from '../storage/codec.js';

/** The labels and fields of an object that selectors match, read from it once. */
export interface Facts {
  readonly labels: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string>>;
  /** Present for objects whose deletion has begun. */
  readonly deleting: boolean;
}

/** One object at one revision. Immutable; its bytes are shared by every answer and every watcher. */
export class Entry {
  /** `namespace/name`, or `name`. */
  readonly key: string;
  /** The JSON with its resourceVersion: what is sent. */
  readonly bytes: Buffer;
  readonly revision: number;
  #facts: Facts | undefined;
  #object: KubeObject | undefined;
  #isConverted = false;
  /** The bytes that {@link bytes} are known to begin with. */
  #head: Buffer | undefined;

  /** @param facts what the object says, where it is known already */
  constructor(key: string, bytes: Buffer, revision: number, facts?: Facts) {
    this.key = key;
    this.bytes = bytes;
    this.revision = revision;
    this.#facts = facts;
  }

  static fromStored(key: string, stored: Buffer, revision: number): Entry {
    return new Entry(key, spliceVersion(stored, revision), revision);
  }

  /** The entry in another version, as a webhook has made it of this one. */
  convertedTo(bytes: Buffer): Entry {
    const entry = new Entry(this.key, bytes, this.revision);
    entry.#isConverted = true;
    return entry;
  }

  /** True when the bytes are not the stored ones, but ready to be sent in the version that was asked for. */
  get isConverted(): boolean {
    return this.#isConverted;
  }

  get namespace(): string {
    const slash = this.key.indexOf('/');
    return slash < 0 ? '' : this.key.slice(0, slash);
  }

  get name(): string {
    return this.key.slice(this.key.indexOf('/') + 1);
  }

  /** The bytes begin with `head`; the last one that they do is remembered. */
  startsWith(head: Buffer): boolean {
    if (this.#head === head) return true;
    if (this.bytes.length < head.length || head.compare(this.bytes, 0, head.length) !== 0) {
      return false;
    }
    this.#head = head;
    return true;
  }

  /** A fresh copy that the caller may change. The caller names the type: that of the kind whose cache it asked. */
  parse<T extends KubeObject = KubeObject>(): T {
    return parseObject<T>(this.bytes);
  }

  /**
   * The shared object, kept from the first call on; never change it. For small kinds that are read all the time. The
   * caller names the type, as for {@link parse}.
   */
  object<T extends KubeObject = KubeObject>(): T {
    this.#object ??= this.parse();
    return this.#object as T;
  }

  facts(getters: FieldGetters): Facts {
    this.#facts ??= factsOf(this.#object ?? this.parse(), getters);
    return this.#facts;
  }

  /** The same object as it was last, at the revision that deleted it. */
  deletedAt(revision: number): Entry {
    const mark = `"resourceVersion":"${this.revision}",`;
    const at = this.bytes.indexOf(mark);
    if (at < 0) return new Entry(this.key, this.bytes, revision);
    const now = Buffer.from(`"resourceVersion":"${revision}",`);
    const rest = this.bytes.subarray(at + mark.length);
    const gone = new Entry(
      this.key,
      Buffer.concat([this.bytes.subarray(0, at), now, rest]),
      revision,
    );
    gone.#facts = this.#facts;
    gone.#isConverted = this.#isConverted;
    return gone;
  }
}

/** Reads an object's labels and selectable fields. */
export function factsOf(object: KubeObject, getters: FieldGetters): Facts {
  const metadata = object.metadata;
  const fields: Record<string, string> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace ?? '',
  };
  for (const [name, get] of Object.entries(getters)) fields[name] = get(object);
  return {
    labels: metadata.labels ?? {},
    fields,
    deleting: metadata.deletionTimestamp !== undefined,
  };
}
