import { resources } from '../../client/resources.js';
import type { Lease } from '../../api/types/policy.js';
import { formatMicroTime } from '../../api/facts/time.js';
import type { ApiClient } from '../../client/index.js';
import { isApiError } from '../../client/index.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';

/** A master as it announces itself: a Lease in kube-system that it renews. */
export interface MasterRecord {
  readonly name: string;
  /** `host:port` of its gRPC API. */
  readonly grpcAddress: string;
  /** `host:port` of its REST API. */
  readonly restAddress: string;
  /** The build that it runs. */
  readonly build: string;
  /** When the first of its certificates ends, RFC 3339; empty where it does not know. */
  readonly certificatesEnd: string;
  /** The mark of the last step of a rotation that it followed; empty where it knows of none. */
  readonly rotation: string;
}

const namespace = 'kube-system';
const label = 'trireme.dev/master';
/** Between two renewals, as long as the record stays the same. */
const renewEveryMs = 7000;
/** Between two looks at the record: others wait for a change of it. */
const lookEveryMs = 1000;
const callMs = 2000;
/** Until the first time: the API may be just about to answer. */
const firstTryEveryMs = 50;
/** A master that has been silent for so long is not handed out to those who join or reconnect. */
const aliveMs = 15_000;

/** Announces this master until stopped. */
export function announceMaster(options: {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Read every second; a change is announced at once. */
  readonly record: () => MasterRecord;
}): { stop(): void } {
  const { client, clock, log, record } = options;
  let stopped = false;
  let cancel: () => void = () => undefined;
  let nextMs = firstTryEveryMs;
  let announced = '';
  let announcedMs = Number.NEGATIVE_INFINITY;
  const renew = async (): Promise<void> => {
    const now = record();
    const text = JSON.stringify(now);
    const sentMs = clock.monotonicMs();
    try {
      if (text !== announced || sentMs - announcedMs >= renewEveryMs) {
        await renewLease(client, clock, now);
        announced = text;
        announcedMs = sentMs;
      }
      nextMs = lookEveryMs;
    } catch (error) {
      log.debug({ error }, 'this master could not be announced; tried again');
    }
    if (!stopped) cancel = clock.schedule(nextMs, () => void renew());
  };
  void renew();
  return {
    stop() {
      stopped = true;
      cancel();
    },
  };
}

async function renewLease(client: ApiClient, clock: Clock, record: MasterRecord): Promise<void> {
  const renewTime = formatMicroTime(clock.nowMs());
  const spec = { holderIdentity: record.name, leaseDurationSeconds: aliveMs / 1000, renewTime };
  const annotations = {
    'trireme.dev/grpc-address': record.grpcAddress,
    'trireme.dev/rest-address': record.restAddress,
    'trireme.dev/build': record.build,
    'trireme.dev/certificates-end': record.certificatesEnd,
    'trireme.dev/rotation': record.rotation,
  };
  const name = `master-${record.name}`;
  const call = { deadlineMs: callMs };
  try {
    const patch = { metadata: { annotations }, spec };
    await client.patch(
      resources.leases,
      { namespace, name },
      'application/merge-patch+json',
      patch,
      call,
    );
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    const metadata = { name, namespace, labels: { [label]: 'true' }, annotations };
    const lease: Lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata,
      spec,
    };
    await client.create(resources.leases, lease, call);
  }
}

/** The masters that are alive, by name. */
export async function listMasters(client: ApiClient, clock: Clock): Promise<MasterRecord[]> {
  const nowMs = clock.nowMs();
  const isAlive = ({ renewedMs }: Announced): boolean => nowMs - renewedMs < aliveMs;
  return (await announced(client)).filter(isAlive).map(({ record }) => record);
}

/** The masters that have announced themselves at any time, by name. */
export async function allMasters(client: ApiClient): Promise<MasterRecord[]> {
  return (await announced(client)).map(({ record }) => record);
}

interface Announced {
  readonly record: MasterRecord;
  /** NaN where the time cannot be read: such a master is not alive. */
  readonly renewedMs: number;
}

async function announced(client: ApiClient): Promise<Announced[]> {
  const { items } = await client.list<Lease>(resources.leases, {
    namespace,
    labelSelector: `${label}=true`,
  });
  const found = items.map(announcedIn);
  return found.toSorted((a, b) => (a.record.name < b.record.name ? -1 : 1));
}

/** True for the Lease by which a master announces itself. */
export function isMasterLease({ metadata }: Lease): boolean {
  return metadata.labels?.[label] === 'true';
}

/** Reads the record of a master from such a Lease. */
export function masterRecordOf({ metadata, spec }: Lease): MasterRecord {
  const { annotations = {} } = metadata;
  return {
    name: spec.holderIdentity ?? metadata.name,
    grpcAddress: annotations['trireme.dev/grpc-address'] ?? '',
    restAddress: annotations['trireme.dev/rest-address'] ?? '',
    build: annotations['trireme.dev/build'] ?? '',
    certificatesEnd: annotations['trireme.dev/certificates-end'] ?? '',
    rotation: annotations['trireme.dev/rotation'] ?? '',
  };
}

function announcedIn(lease: Lease): Announced {
  return { renewedMs: Date.parse(lease.spec.renewTime ?? ''), record: masterRecordOf(lease) };
}
