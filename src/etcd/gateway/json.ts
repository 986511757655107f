/**
 * Messages as grpc-gateway writes them: the proto's own field names, 64-bit numbers as text, absent fields left out.
 */

/** Field names that are camel case in the proto itself; all others are snake case there. */
const camelInProto: ReadonlySet<string> = new Set([
  'peerURLs',
  'clientURLs',
  'isLearner',
  'dbSize',
  'dbSizeInUse',
  'raftIndex',
  'raftAppliedIndex',
  'memberID',
  'grantedTTL',
  'authRevision',
  'permType',
  'keyPermission',
  'ID',
  'TTL',
]);
/** The only 32-bit number in an answer: it stays a number. */
const smallNumbers: ReadonlySet<string> = new Set(['hash']);

function protoName(name: string, parent: string): string {
  if (camelInProto.has(name)) return name;
  // Snake case in the header, camel case in the status.
  if (name === 'raftTerm') return parent === 'header' ? 'raft_term' : name;
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** From ts-proto's `toJSON` to what etcd's gateway sends. */
export function toGatewayJson(value: unknown, parent = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => toGatewayJson(one, parent));
  if (typeof value === 'number') return smallNumbers.has(parent) ? value : String(value);
  if (typeof value !== 'object' || value === null) return value;
  const result: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    if (field === undefined) continue;
    result[protoName(name, parent)] = toGatewayJson(field, name);
  }
  return result;
}
