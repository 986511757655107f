/** Bodies on a seed for both doors: large, hostile, broken, and good ones between them. */
import type { Prng } from '../../src/lib/prng.js';

/** A request with a body, as both doors can send it. */
export interface BodyRequest {
  readonly form: string;
  readonly verb: 'create' | 'update' | 'patch' | 'delete';
  readonly resource: 'configmaps' | 'namespaces' | 'pods' | 'deployments';
  /** Empty for a create. */
  readonly name: string;
  readonly subresource: string;
  /** The media type; gRPC knows those of patches, and JSON. */
  readonly type: string;
  readonly body: Buffer;
}

const json = 'application/json';
const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
] as const;

/** Lengths of all orders: most bodies are short, some longer than is taken. */
function size(prng: Prng): number {
  const order = 2 ** prng.between(3, 21);
  return prng.between(order, 2 * order);
}

function many(bytes: number, make: (at: number) => string, between = ','): string {
  const parts: string[] = [];
  for (let length = 0; length < bytes;) {
    const part = make(parts.length);
    parts.push(part);
    length += part.length + between.length;
  }
  return parts.join(between);
}

const scalars = ['null', 'true', '0', '-1', '1e400', '12345678901234567890', '""', '"é\\u0000"'];

/** A value of JSON of about this length. */
function value(prng: Prng, bytes: number): string {
  switch (prng.below(8)) {
    case 0:
      return '['.repeat(bytes / 2) + ']'.repeat(bytes / 2);
    case 1:
      return `${'{"a":'.repeat(bytes / 6)}1${'}'.repeat(bytes / 6)}`;
    case 2:
      return `{${many(bytes, (at) => `"k${at}":"v"`)}}`;
    case 3:
      return `{${many(bytes, () => '"k":"v"')}}`;
    case 4:
      return `[${many(bytes, () => prng.pick(scalars))}]`;
    case 5:
      return `"${prng.pick(['x', '\\n', '\\ud800', '☃']).repeat(bytes / 2)}"`;
    case 6:
      return `{${many(bytes, (at) => `"__proto__":{"k${at}":[{}]}`)}}`;
    default:
      return prng.pick(scalars);
  }
}

const fields = ['data', 'binaryData', 'immutable', 'spec', 'status', 'unknown', 'metadata'];

function object(prng: Prng, kind: string, name: string): string {
  const version = kind === 'Deployment' ? 'apps/v1' : 'v1';
  const members = [
    `"apiVersion":"${prng.below(20) === 0 ? 'none/v9' : version}"`,
    `"kind":"${prng.below(20) === 0 ? 'Other' : kind}"`,
    `"metadata":{"name":"${name}","labels":${prng.below(4) === 0 ? value(prng, size(prng)) : '{}'}}`,
    `"${prng.pick(fields)}":${value(prng, size(prng))}`,
  ];
  return `{${members.join()}}`;
}

function yaml(prng: Prng): string {
  const head = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fuzz}\n';
  const bytes = Math.min(size(prng), 500_000);
  switch (prng.below(5)) {
    case 0:
      return `${head}data:\n${many(bytes, (at) => `  k${at}: v`, '\n')}\n`;
    case 1: {
      const levels = Array.from(
        { length: prng.between(1, 12) },
        (_, at) => `a${at + 1}: &a${at + 1} [${`*a${at},`.repeat(prng.between(1, 12))}]`,
      );
      return `${head}a0: &a0 [x]\n${levels.join('\n')}\n`;
    }
    case 2:
      return `${head}data: ${prng.pick(['[', '- ', '{a: ', '? ', '!!str ', '&a '])}`.repeat(
        bytes / 40,
      );
    case 3:
      return `${head}data: {a: "${prng.pick(['\\x', '\\u', 'y', '\n\n'])}${'z'.repeat(bytes)}"}\n`;
    default:
      return `${head}data:\n  <<: {b: c}\n  a: |\n${many(bytes, () => '    line', '\n')}\n`;
  }
}

function operation(prng: Prng, at: number): string {
  const path = prng.pick(['/data', '/data/a', `/data/k${at}`, '/metadata/labels', '/', '', '/a/-']);
  const op = prng.pick(['add', 'remove', 'replace', 'move', 'copy', 'test', 'other']);
  const from = prng.pick(['/data', '/metadata', '']);
  return `{"op":"${op}","path":"${path}","from":"${from}","value":${prng.pick(['{}', ...scalars])}}`;
}

function patch(prng: Prng, type: string): string {
  if (type !== patchTypes[0]) return `{"${prng.pick(fields)}":${value(prng, size(prng))}}`;
  const mostly = prng.below(3);
  const bytes = Math.min(size(prng), 1_000_000);
  return `[${many(bytes, (at) =>
    mostly === 0
      ? `{"op":"copy","from":"/data","path":"/data/k${at}"}`
      : mostly === 1
        ? `{"op":"add","path":"/data/k${at}","value":"v"}`
        : operation(prng, at),
  )}]`;
}

/** Cuts a body, or changes some of its bytes; most stay as they are. */
function damaged(prng: Prng, text: string): Buffer {
  const bytes = Buffer.from(text);
  if (prng.below(4) > 0 || bytes.length === 0) return bytes;
  if (prng.below(2) === 0) return bytes.subarray(0, prng.below(bytes.length));
  for (let count = prng.between(1, 8); count > 0; count--) {
    bytes[prng.below(bytes.length)] = prng.below(256);
  }
  return bytes;
}

const valueForms = [
  ['pods', 'binding', 'create'],
  ['pods', 'eviction', 'create'],
  ['deployments', 'scale', 'update'],
  ['namespaces', '', 'delete'],
] as const;

/** Draws one request; what it names is called `fuzz`, and made by who runs this. */
export function bodyRequest(prng: Prng): BodyRequest {
  const base = { resource: 'configmaps', name: 'fuzz', subresource: '', type: json } as const;
  switch (prng.below(8)) {
    case 0:
    case 1: {
      const text = object(prng, 'ConfigMap', `fuzz-${prng.below(4)}`);
      return { ...base, form: 'object', verb: 'create', name: '', body: damaged(prng, text) };
    }
    case 2: {
      const text = object(prng, 'ConfigMap', 'fuzz');
      return { ...base, form: 'update', verb: 'update', body: damaged(prng, text) };
    }
    case 3: {
      const body = damaged(prng, yaml(prng));
      return { ...base, form: 'YAML', verb: 'create', name: '', type: 'application/yaml', body };
    }
    case 4: {
      const text = prng.below(2) === 0 ? yaml(prng) : object(prng, 'ConfigMap', 'fuzz');
      const type = 'application/apply-patch+yaml';
      return { ...base, form: 'apply', verb: 'patch', type, body: damaged(prng, text) };
    }
    case 5: {
      const type = 'application/vnd.kubernetes.protobuf';
      const text = `k8s\0${many(size(prng), () => prng.pick(['\n\x02v1', '\x12\0', '\x08\x01', '\x0f']), '')}`;
      return {
        ...base,
        form: 'protobuf',
        verb: 'create',
        name: '',
        type,
        body: damaged(prng, text),
      };
    }
    case 6: {
      const [resource, subresource, verb] = prng.pick(valueForms);
      const text = `{"spec":${value(prng, size(prng))}}`;
      return { ...base, form: 'value', resource, subresource, verb, body: damaged(prng, text) };
    }
    default: {
      const type = prng.pick(patchTypes);
      const ofScale = prng.below(8) === 0;
      const target = ofScale ? ({ resource: 'deployments', subresource: 'scale' } as const) : {};
      return {
        ...base,
        ...target,
        form: type,
        verb: 'patch',
        type,
        body: damaged(prng, patch(prng, type)),
      };
    }
  }
}
