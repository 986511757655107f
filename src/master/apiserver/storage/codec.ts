/**
 * Encode once. A stored object is JSON text that opens with
 * `{"kind":K,"apiVersion":V,"metadata":{` and holds no resourceVersion; reading it splices
 * `"resourceVersion":"N",` in behind that opening. Nothing else is ever re-encoded for GET, LIST or watch.
 */
import type { KubeObject } from '../../../api/object.js';
import { formatJson, parseJson } from '../../../lib/json.js';

const metadataMark = Buffer.from('"metadata":{');

/** The bytes to store. The object's own resourceVersion and selfLink are left out. */
export function encodeStored(object: KubeObject): Buffer {
  const { kind, apiVersion, metadata, ...rest } = object as KubeObject & Record<string, unknown>;
  const { resourceVersion: _version, selfLink: _link, ...meta } = metadata;
  return Buffer.from(formatJson({ kind, apiVersion, metadata: meta, ...rest }));
}

/** The bytes to send: `stored` with its resourceVersion. */
export function spliceVersion(stored: Buffer, revision: number): Buffer {
  const cut = cutOf(stored);
  if (cut === undefined) return respliced(stored, revision);
  const version = versionText(revision);
  // Not of Node's pool, from which all kinds of short-lived texts are cut as well: one object that is kept would keep
  // eight kilobytes of them.
  const out = Buffer.allocUnsafeSlow(stored.length + version.length);
  stored.copy(out, 0, 0, cut);
  out.write(version, cut, 'latin1');
  stored.copy(out, cut + version.length, cut);
  return out;
}

/** True when the bytes are what {@link spliceVersion} makes of `stored`. */
export function isSpliced(bytes: Buffer, stored: Buffer, revision: number): boolean {
  const cut = cutOf(stored);
  if (cut === undefined) return respliced(stored, revision).equals(bytes);
  const version = versionText(revision);
  const rest = cut + version.length;
  return (
    bytes.length === stored.length + version.length &&
    bytes.compare(stored, 0, cut, 0, cut) === 0 &&
    bytes.compare(stored, cut, stored.length, rest, bytes.length) === 0 &&
    bytes.toString('latin1', cut, rest) === version
  );
}

function versionText(revision: number): string {
  return `"resourceVersion":"${revision}",`;
}

/** Finds the place of the resourceVersion; undefined for another layout. */
function cutOf(stored: Buffer): number | undefined {
  const at = stored.indexOf(metadataMark);
  if (at < 0 || at > 1024) return undefined;
  const cut = at + metadataMark.length;
  return stored[cut] === 0x7d ? undefined : cut;
}

/** For text that some other program stored with another layout. */
function respliced(stored: Buffer, revision: number): Buffer {
  const object = parseJson(stored.toString()) as KubeObject;
  const metadata = { ...object.metadata, resourceVersion: String(revision) };
  return Buffer.from(formatJson({ ...object, metadata }));
}

/** Parses bytes that this server stored or spliced. */
export function parseObject<T extends KubeObject = KubeObject>(bytes: Buffer): T {
  return parseJson(bytes.toString()) as T;
}
