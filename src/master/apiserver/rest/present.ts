import type { KindDeclaration } from '../../../api/kind.js';
import { formatGroupVersion } from '../../../api/object.js';
import type { Entry } from '../verbs/index.js';
import { itemBytes, presentBytes, readAs } from '../verbs/index.js';
import type { ListMeta, PresentOptions } from './present-options.js';
import { tableBytes, tableRows } from './table.js';
import { formatJson } from '../../../lib/json.js';

const comma = Buffer.from(',');
const close = Buffer.from(']}');

/** A list's metadata as it is sent. */
export function listMetadata(meta: ListMeta): Record<string, unknown> {
  return {
    resourceVersion: meta.resourceVersion,
    ...(meta.continue === '' ? {} : { continue: meta.continue }),
    ...(meta.remainingItemCount === undefined
      ? {}
      : { remainingItemCount: meta.remainingItemCount }),
  };
}

function partialBytes(kind: KindDeclaration, entry: Entry, version: string): Buffer {
  const { metadata } = readAs(kind, entry);
  const apiVersion = `meta.k8s.io/${version}`;
  return Buffer.from(formatJson({ kind: 'PartialObjectMetadata', apiVersion, metadata }));
}

/** One object in the wanted form. */
export function presentObject(entry: Entry, options: PresentOptions): Buffer {
  const { kind, format } = options;
  switch (format.as) {
    case 'Table': {
      const meta = {
        resourceVersion: String(entry.revision),
        continue: '',
        remainingItemCount: undefined,
      };
      return tableBytes(meta, tableRows([entry], options), options, true);
    }
    case 'PartialObjectMetadata':
    case 'PartialObjectMetadataList':
      return partialBytes(kind, entry, format.asVersion);
    default:
      return presentBytes(kind, entry);
  }
}

/** A list in the wanted form: concatenated bytes. */
export function presentList(
  entries: readonly Entry[],
  meta: ListMeta,
  options: PresentOptions,
): Buffer {
  const { kind, format } = options;
  if (format.as === 'Table') return tableBytes(meta, tableRows(entries, options), options, true);
  const partial = format.as !== undefined;
  const listKind = partial ? 'PartialObjectMetadataList' : kind.listKind;
  const apiVersion = partial
    ? `meta.k8s.io/${format.asVersion}`
    : formatGroupVersion(kind.group, kind.version);
  const head =
    `{"kind":${JSON.stringify(listKind)},"apiVersion":${JSON.stringify(apiVersion)},` +
    `"metadata":${JSON.stringify(listMetadata(meta))},"items":[`;
  const pieces: Buffer[] = [Buffer.from(head)];
  for (const entry of entries) {
    if (pieces.length > 1) pieces.push(comma);
    if (partial) pieces.push(partialBytes(kind, entry, format.asVersion));
    else pieces.push(...itemBytes(kind, entry));
  }
  pieces.push(close);
  return Buffer.concat(pieces);
}
