/** What two clusters write alike: objects without what differs from run to run, as lines of `path = value`. */
import type { Json } from './steps.js';

const suffix = /-[bcdfghjklmnpqrstvwxz2456789]{5}(?![a-z0-9])/g;
const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;
const uid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** Hashes of templates: their bytes are each implementation's own. */
const hash = /(?<![a-z0-9])(?=[a-z]*\d)[bcdfghjklmnpqrstvwxz2456789]{7,10}(?![a-z0-9])/g;
/** Common nodes are alike; which one a pod gets is chance. */
const commonNode = /(?<![\w-])w[123](?![\w-])/g;
const address = /10\.9[.\d]*/g;
const cronSuffix = /-2\d{7}\b/g;

const attachment = /\bcsi-[0-9a-f]{64}\b/g;
const token = /\bZXlK[\w+/=]{40,}/g;
const encodedCertificate = /\bLS0tLS1CRUdJTi[\w+/=]{40,}/g;
const certificate = /-----BEGIN CERTIFICATE[^"]*/g;

/** A name without what was generated. */
export function normalText(text: string): string {
  return text
    .replace(uid, '<uid>')
    .replace(certificate, '<certificate>')
    .replace(encodedCertificate, '<certificate>')
    .replace(token, '<token>')
    .replace(attachment, 'csi-<hash>')
    .replace(time, '<time>')
    .replace(hash, '<hash>')
    .replace(suffix, '-<x>')
    .replace(address, '<ip>')
    .replace(commonNode, '<node>')
    .replace(cronSuffix, '-<minute>')
    .replaceAll(/resourceVersion:"?\d+/g, 'resourceVersion:<n>');
}

/** A source of the volume with a pod's token that the oracle's build adds for itself. */
const foreign = 'openshift-service-ca.crt';

const dropped = new Set(['resourceVersion', 'creationTimestamp', 'fieldsV1', 'reportingInstance']);

function isForeign(item: unknown): boolean {
  return ((item as Json | null)?.['configMap'] as Json | undefined)?.['name'] === foreign;
}

/** Lines of an object, by path; keys sorted, lists in their order. */
export function linesOf(object: Json): string[] {
  const lines: string[] = [];
  const walk = (value: unknown, path: string): void => {
    if (Array.isArray(value)) {
      if (value.length === 0) lines.push(`${path} = []`);
      const own = value.filter((item) => !isForeign(item));
      for (const [index, item] of own.entries()) walk(item, `${path}[${index}]`);
    } else if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value as Json).filter(
        ([key, item]) => item !== undefined && item !== null && !dropped.has(key),
      );
      if (entries.length === 0) lines.push(`${path} = {}`);
      for (const [key, item] of entries.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
        walk(item, path === '' ? key : `${path}.${key}`);
      }
    } else lines.push(`${path} = ${normalText(JSON.stringify(value))}`);
  };
  const managed = ((object['metadata'] as Json)['managedFields'] ?? []) as Json[];
  walk({ ...object, metadata: { ...(object['metadata'] as Json), managedFields: undefined } }, '');
  for (const entry of managed) {
    walk(
      { ...entry, manager: undefined },
      ['managed', entry['manager'], entry['subresource']].join('.'),
    );
  }
  return lines;
}

/** The lines of all objects of a kind, but for the oracle's own, under names without what was generated, sorted. */
export function recordOf(kind: string, objects: readonly Json[]): Map<string, string[]> {
  const texts = objects
    .filter(({ metadata }) => (metadata as Json)['name'] !== foreign)
    .map((object) => {
      const meta = object['metadata'] as Json;
      const name = normalText(String(kind === 'Event' ? eventName(object) : meta['name']));
      return { name, lines: linesOf(kind === 'Event' ? { ...object, metadata: {} } : object) };
    })
    .toSorted((a, b) => (a.name + a.lines.join() < b.name + b.lines.join() ? -1 : 1));
  const record = new Map<string, string[]>();
  for (const { name, lines } of texts) {
    let key = `${kind}/${name}`;
    for (let count = 2; record.has(key); count++) key = `${kind}/${name} (${count})`;
    record.set(key, lines);
  }
  return record;
}

function eventName(event: Json): string {
  const { kind, name } = event['involvedObject'] as Json;
  return `${String(kind)}/${String(name)} ${String(event['reason'])}`;
}
