/** Answers in Kubernetes' protobuf. What several readers ask for is encoded once per entry and form. */
import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import { formatGroupVersion, isJsonObject, textOf } from '../../../api/object.js';
import {
  encodeList,
  encodeMessage,
  encodeWatchFrame,
  envelope,
  hasMessage,
} from '../protobuf/encode.js';
import { protobufYieldBytes } from '../limits.js';
import type { Entry } from '../verbs/index.js';
import { presentBytes, readAs } from '../verbs/index.js';
import { parseJson } from '../../../lib/json.js';

/** The media type of protobuf. */
export const protobufType = 'application/vnd.kubernetes.protobuf';

const metadataKind = 'PartialObjectMetadata';
/** By the form: a kind, or `meta.k8s.io/v1` and the like for its metadata alone. */
const messages = new WeakMap<Entry, Map<KindDeclaration | string, Buffer>>();

/** True for kinds whose objects have a message: custom ones have none. */
export function speaksProtobuf(kind: KindDeclaration): boolean {
  return !kind.custom && hasMessage(formatGroupVersion(kind.group, kind.version), kind.kind);
}

/** The message of an entry, or of its metadata alone where `partial` names a version of `meta.k8s.io`. */
function messageOf(kind: KindDeclaration, entry: Entry, partial: string | undefined): Buffer {
  let known = messages.get(entry);
  if (known === undefined) {
    known = new Map();
    messages.set(entry, known);
  }
  const form = partial === undefined ? kind : partial;
  let message = known.get(form);
  if (message === undefined) {
    const object = readAs(kind, entry);
    message = encodeMessage(partial === undefined ? { ...object } : metadataOf(object, partial));
    known.set(form, message);
  }
  return message;
}

function metadataOf({ metadata }: KubeObject, version: string): Record<string, unknown> {
  return { kind: metadataKind, apiVersion: `meta.k8s.io/${version}`, metadata };
}

/** One object, whole or its metadata alone. */
export function protobufEntry(
  kind: KindDeclaration,
  entry: Entry,
  partial: string | undefined,
): Buffer {
  const message = messageOf(kind, entry, partial);
  return partial === undefined
    ? envelope(formatGroupVersion(kind.group, kind.version), kind.kind, message)
    : envelope(`meta.k8s.io/${partial}`, metadataKind, message);
}

/** A list. Other requests get their turn while a long one is encoded. */
export async function protobufList(
  kind: KindDeclaration,
  entries: readonly Entry[],
  options: {
    readonly metadata: Record<string, unknown>;
    readonly partial: string | undefined;
  },
): Promise<Buffer> {
  const { metadata, partial } = options;
  const items: Buffer[] = [];
  let size = 0;
  for (const entry of entries) {
    items.push(messageOf(kind, entry, partial));
    size += presentBytes(kind, entry).length;
    if (size < protobufYieldBytes) continue;
    size = 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const list = encodeList(metadata, items);
  return partial === undefined
    ? envelope(formatGroupVersion(kind.group, kind.version), kind.listKind, list)
    : envelope(`meta.k8s.io/${partial}`, `${metadataKind}List`, list);
}

/** A document that is no entry: a Status, a Scale, a review. Its JSON names its kind, which has a message. */
export function protobufDocument(json: Buffer): Buffer {
  const object: unknown = parseJson(json.toString());
  const fields = isJsonObject(object) ? object : {};
  return envelope(textOf(fields, 'apiVersion'), textOf(fields, 'kind'), encodeMessage(fields));
}

/** The frame of a watch's event. `object`: in its envelope */
export function protobufFrame(type: string, object: Buffer): Buffer {
  return encodeWatchFrame(type, object);
}
