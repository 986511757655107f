/** What Go writes of a status that nobody has set: required fields with their zero values, which clients insist on. */
import { expect, test } from '@jest/globals';
import type { KindDeclaration } from './kind.js';
import { builtInKinds, builtInRegistry } from './kinds.js';
import type { SchemaNode } from './schema/node.js';
import { resolved } from './schema/node.js';
import { applyDefaults, decodeObject, prepareCreate } from './strategy.js';

/** Reviews are answered by the server, which sets what is required. */
const answered = /Review$/;

/** Required scalars of a struct that is always written, and of such structs in it, that have no zero value. */
function withoutZero(node: SchemaNode, path: string): string[] {
  return Object.entries(resolved(node).properties ?? {}).flatMap(([name, field]) => {
    const { type, always } = { ...resolved(field), always: field.always };
    if (type === 'object') return always === true ? withoutZero(field, `${path}.${name}`) : [];
    const isRequired = resolved(node).required?.includes(name) ?? false;
    return isRequired && type !== 'array' && field.default === undefined ? [`${path}.${name}`] : [];
  });
}

test.each(
  builtInKinds
    .filter(({ kind, schema }) => !answered.test(kind) && schema.properties?.['status'])
    .map((kind): [string, KindDeclaration] => [`${kind.group}/${kind.version} ${kind.kind}`, kind]),
)('%s has a zero value for each required field of its status', (_, { schema }) => {
  const status = schema.properties?.['status'];
  expect(status?.always === true ? withoutZero(status, 'status') : []).toEqual([]);
});

test.each([
  ['Node', {}, { daemonEndpoints: { kubeletEndpoint: { Port: 0 } }, nodeInfo: { bootID: '' } }],
  [
    'CustomResourceDefinition',
    { group: 'example.com', scope: 'Cluster', names: { plural: 'boats', kind: 'Boat' } },
    { acceptedNames: { kind: '', plural: '' } },
  ],
  ['DaemonSet', {}, { currentNumberScheduled: 0, numberReady: 0 }],
  ['VolumeAttachment', { attacher: 'a', nodeName: 'n' }, { attached: false }],
])('a %s that is made has them', (name, spec, status) => {
  const kind = builtInRegistry().byName(name.toLowerCase());
  if (kind === undefined) throw new Error(name);
  const { object } = decodeObject(kind, { metadata: { name: 'one' }, spec });
  applyDefaults(kind, object);
  prepareCreate(kind, object, { now: '2024-01-02T03:04:05Z' });
  expect(object).toMatchObject({ status });
});
