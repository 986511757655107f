/** Takes from answers what each store has for itself: ids that it chose, times, sizes, positions in its log. */
import { leaseIds } from './requests.js';
import type { Message } from './requests.js';

/** Fields that are not compared, wherever they stand. */
const own = (
  'cluster_id member_id raft_term raftTerm raftIndex raftAppliedIndex dbSize dbSizeInUse dbSizeQuota downgradeInfo ' +
  'storageVersion version name token clientURLs remaining_bytes blob hash_revision'
).split(' ');
const known: ReadonlySet<string> = new Set(leaseIds.map(String));
const keptIn: Readonly<Record<string, readonly string[]>> = {
  // The version of a key, and of the cluster.
  'etcdserverpb.KV': ['version'],
  'etcdserverpb.Watch': ['version'],
  v3electionpb: ['version', 'name'],
  v3lockpb: ['version'],
};

/** Remembers the ids that one store chose. */
export class Settled {
  readonly #names = new Map<string, string>();
  #url = '';
  self = 0n;
  learner = 1n;
  lease = 1n;

  /** @param list the answer to a member list */
  learnSelf(list: unknown): void {
    const { members } = (list as { answer: { members: { ID: string; peerURLs: string[] }[] } })
      .answer;
    this.#url = members[0]?.peerURLs[0] ?? '';
    this.self = BigInt(members[0]?.ID ?? 0);
    this.#names.set(this.self.toString(), 'self');
  }

  settle(method: string, request: Message, answer: unknown): unknown {
    this.#learn(method, request, answer);
    const kept = Object.entries(keptIn).find(([prefix]) => method.startsWith(prefix))?.[1] ?? [];
    const walk = (value: unknown, name: string): unknown => {
      if (Array.isArray(value)) {
        const all = value.map((one) => walk(one, name));
        const isIds =
          ['leases', 'members'].includes(name) || (name === 'keys' && /TimeToLive/.test(method));
        return isIds ? all.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : all;
      }
      if (typeof value === 'object' && value !== null) {
        const all = Object.entries(value);
        // grpc-gateway's second version, with which Debian builds 3.5 and with which 3.6 is built, has one text.
        if ('grpc_code' in value && 'message' in value)
          return walk({ code: value.grpc_code, message: value.message }, name);
        const twice = 'error' in value && 'message' in value && value.error === value.message;
        const fields = all.filter(([key]) =>
          twice && key === 'error' ? false : !own.includes(key) || kept.includes(key),
        );
        return Object.fromEntries(fields.map(([key, one]) => [key, walk(one, key)]));
      }
      if (name === 'hash' && method.endsWith('/Hash')) return 'hash';
      if (typeof value !== 'string') return value;
      if (name === 'TTL' && /TimeToLive/.test(method)) return Number(value) > 0 ? 'left' : value;
      if (name === 'message' || name === 'error') return this.#message(value);
      if (value === this.#url) return 'own URL';
      // The lease of a session that brought none.
      const isChosen = name === 'ID' && method.endsWith('/LeaseLeases') && value.length > 4;
      return this.#names.get(value) ?? (isChosen && !known.has(value) ? 'chosen' : value);
    };
    return walk(answer, '');
  }

  #learn(method: string, request: Message, answer: unknown): void {
    const body = (answer as { answer?: { ID?: string; member?: { ID?: string } } }).answer;
    if (method.endsWith('/LeaseGrant') && body?.ID !== undefined && !this.#names.has(body.ID)) {
      if ((request['ID'] ?? 0n) === 0n) {
        this.lease = BigInt(body.ID);
        this.#names.set(body.ID, `lease ${this.#names.size}`);
      }
    }
    const added = body?.member?.ID;
    if (added !== undefined && !this.#names.has(added)) {
      this.learner = BigInt(added);
      this.#names.set(added, `member ${this.#names.size}`);
    }
  }

  /** Ids in a text; protobuf's own words are different from build to build, on purpose. */
  #message(text: string): string {
    let settled = text.replaceAll(/\u00a0/g, ' ').replaceAll(/^proto: +/g, 'proto: ');
    for (const [id, name] of this.#names) {
      settled = settled.replaceAll(id, name).replaceAll(BigInt(id).toString(16), name);
    }
    return settled;
  }
}
