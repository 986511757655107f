import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
  DowngradeRequest_DowngradeAction,
} from '../../gen/etcd/rpc.js';
import type {
  AlarmMember,
  AlarmResponse,
  DefragmentRequest,
  DefragmentResponse,
  DowngradeRequest,
  DowngradeResponse,
  HashKVRequest,
  HashKVResponse,
  HashRequest,
  HashResponse,
  MaintenanceDefinition,
  MoveLeaderRequest,
  MoveLeaderResponse,
  SnapshotRequest,
  SnapshotResponse,
  StatusRequest,
  StatusResponse,
} from '../../gen/etcd/rpc.js';
import { Gate } from '../../lib/gate.js';
import type { CallContext, Handlers, Sender } from '../../lib/grpc/types.js';
import { clusterVersionOf, downgradeTargetOf } from '../apply/downgrade.js';
import { etcdError } from '../apply/errors.js';
import { rawAuthError } from '../grpc-status.js';
import type { Compat } from '../compat.js';
import { fileVersionsOf, reportedVersions, storageVersionOf } from '../config.js';
import { maxSnapshotCalls, snapshotChunkBytes } from '../guards/limits.js';
import { quotaBytesOf } from '../guards/quota.js';
import type { CallerIdentity } from './auth-info.js';
import type { RaftNode } from '../../raft/index.js';
import type { AlarmStore } from '../apply/alarms.js';
import type { Backend } from '../backend/types.js';
import type { DiskShortage } from '../guards/disk-room.js';
import type { Membership } from '../membership/membership.js';
import type { WatchableStore } from '../mvcc/types.js';
import type { ServerMetrics } from '../telemetry/server-metrics.js';
import type { RequestMember } from './member.js';

/** The member, as the maintenance service needs it. */
export interface MaintenanceMember extends RequestMember {
  readonly config: {
    readonly compat?: Compat;
    readonly quotaBytes: number;
    readonly telemetry: { readonly server: ServerMetrics };
  };
  readonly memberId: bigint;
  readonly isLeader: boolean;
  readonly isLearner: boolean;
  readonly node: Pick<RaftNode, 'leader' | 'term' | 'commitIndex' | 'appliedIndex'>;
  readonly backend: Pick<
    Backend,
    'defragment' | 'hash' | 'snapshotTo' | 'sizeBytes' | 'sizeInUseBytes'
  >;
  readonly store: Pick<WatchableStore, 'hashKV'>;
  readonly alarms: Pick<AlarmStore, 'list'>;
  readonly downgrade: { readonly target: string | undefined };
  readonly room: { readonly shortage: DiskShortage | undefined };
  readonly membership: Pick<Membership, 'get'>;
  readonly snapshots: { newPath(): { readonly path: string } };
  /** Hands leadership to a voter and waits until it leads. @throws timeout, with the outcome open */
  moveLeader(target: bigint): Promise<void>;
}

/** The maintenance service (etcdserverpb.Maintenance). */
export class MaintenanceService implements Handlers<typeof MaintenanceDefinition> {
  readonly #server: MaintenanceMember;
  readonly #identity: CallerIdentity;
  /** One file is written at a time: each takes as much room as the database, and all of a disk. */
  readonly #writing = new Gate(1);
  /** Calls that hold a file, or wait for their turn to write it. */
  #snapshots = 0;

  constructor(server: MaintenanceMember, identity: CallerIdentity) {
    this.#server = server;
    this.#identity = identity;
  }

  async alarm(request: AlarmRequest, context: CallContext): Promise<AlarmResponse> {
    const server = this.#server;
    const isRead = request.action === AlarmRequest_AlarmAction.GET;
    await (isRead ? this.#identity.known(context) : this.#identity.admin(context));
    if (request.action === AlarmRequest_AlarmAction.GET) {
      return { header: server.header(), alarms: this.#alarms(request.alarm) };
    }
    const payload = AlarmRequest.encode(request).finish();
    const alarms = (await server.requests.propose(
      'alarm',
      payload,
      request,
    )) as readonly AlarmMember[];
    return { header: server.header(), alarms: [...alarms] };
  }

  /**
   * The cluster's alarms. A leader that cannot write and finds nobody to hand over to still answers reads; that it is
   * not well shows by an alarm of its own that no log holds: `etcdctl endpoint health` looks for it, and it goes when
   * there is room.
   */
  #alarms(kind: AlarmType): AlarmMember[] {
    const { alarms, room, isLeader, memberId } = this.#server;
    const raised = alarms.list(kind);
    const asked = kind === AlarmType.NONE || kind === AlarmType.NOSPACE;
    const known = raised.some(
      (one) => one.memberID === memberId && one.alarm === AlarmType.NOSPACE,
    );
    if (room.shortage === undefined || !isLeader || !asked || known) return raised;
    return [...raised, { memberID: memberId, alarm: AlarmType.NOSPACE }];
  }

  async status(_request: StatusRequest, context: CallContext): Promise<StatusResponse> {
    await this.#identity.known(context);
    const server = this.#server;
    const { node, backend } = server;
    const versions = reportedVersions(server.config);
    const errors: string[] = [];
    if (node.leader === 0n) errors.push('etcdserver: no leader');
    if (server.room.shortage !== undefined) errors.push(server.room.shortage.message);
    for (const { memberID, alarm } of server.alarms.list()) {
      const name = alarm === AlarmType.NOSPACE ? 'NOSPACE' : 'CORRUPT';
      errors.push(`memberID:${memberID} alarm:${name} `);
    }
    return {
      header: server.header(),
      version: versions.server,
      dbSize: backend.sizeBytes(),
      leader: node.leader,
      raftIndex: node.commitIndex,
      raftTerm: node.term,
      raftAppliedIndex: node.appliedIndex,
      errors,
      dbSizeInUse: backend.sizeInUseBytes(),
      isLearner: server.isLearner,
      storageVersion: storageVersionOf(server.config),
      dbSizeQuota: quotaBytesOf(server.config),
      downgradeInfo: {
        enabled: server.downgrade.target !== undefined,
        targetVersion: server.downgrade.target ?? '',
      },
    };
  }

  async defragment(_request: DefragmentRequest, context: CallContext): Promise<DefragmentResponse> {
    await this.#mustBeAdminUncoded(context);
    const done = this.#server.config.telemetry.server.defragStarted();
    try {
      await this.#server.backend.defragment();
    } finally {
      done();
    }
    return { header: undefined };
  }

  async hash(_request: HashRequest, context: CallContext): Promise<HashResponse> {
    await this.#mustBeAdminUncoded(context);
    const done = this.#server.config.telemetry.server.hashStarted();
    const hash = await this.#server.backend.hash();
    done();
    return { header: this.#server.header(), hash };
  }

  async hashKV(request: HashKVRequest, context: CallContext): Promise<HashKVResponse> {
    await this.#mustBeAdminUncoded(context);
    return hashKV(this.#server, request.revision);
  }

  async snapshot(
    _request: SnapshotRequest,
    stream: Sender<SnapshotResponse>,
    context: CallContext,
  ): Promise<void> {
    await this.#mustBeAdminUncoded(context);
    if (this.#snapshots >= maxSnapshotCalls) throw etcdError('tooManyRequests');
    const { path } = this.#server.snapshots.newPath();
    this.#snapshots++;
    try {
      await this.#writing.run(() => this.#writeSnapshot(path));
      await this.#sendFile(path, stream);
    } finally {
      this.#snapshots--;
      await rm(path, { force: true });
    }
  }

  async #writeSnapshot(path: string): Promise<void> {
    const image = this.#server.snapshots.newPath().path;
    try {
      const done = this.#server.config.telemetry.server.snapshotStarted();
      await this.#server.backend.snapshotTo(image);
      done();
      const versions = fileVersionsOf(this.#server.config);
      const { runExportThread } = await import('../snapshots/backup-thread.js');
      await runExportThread({ imagePath: image, path, ...versions });
    } finally {
      await rm(image, { force: true });
    }
  }

  /** The file in pieces, then its SHA-256, as etcd appends it. */
  async #sendFile(path: string, stream: Sender<SnapshotResponse>): Promise<void> {
    const file = await open(path, 'r');
    const version = storageVersionOf(this.#server.config);
    const hash = createHash('sha256');
    try {
      const { size } = await file.stat();
      for (let at = 0; at < size && !stream.ended;) {
        const blob = Buffer.allocUnsafe(Math.min(snapshotChunkBytes, size - at));
        const { bytesRead } = await file.read(blob, 0, blob.length, at);
        const piece = blob.subarray(0, bytesRead);
        hash.update(piece);
        at += bytesRead;
        const remainingBytes = size - at;
        const more = stream.send({ header: undefined, remainingBytes, blob: piece, version });
        if (!more) await stream.drained();
      }
      stream.send({ header: undefined, remainingBytes: 0, blob: hash.digest(), version });
    } finally {
      await file.close();
    }
  }

  async moveLeader(request: MoveLeaderRequest, context: CallContext): Promise<MoveLeaderResponse> {
    await this.#mustBeAdmin(context);
    const server = this.#server;
    if (!server.isLeader) throw etcdError('notLeader');
    const target = server.membership.get(request.targetID);
    if (target === undefined || target.isLearner) throw etcdError('badLeaderTransferee');
    await server.moveLeader(request.targetID);
    return { header: undefined };
  }

  async downgrade(request: DowngradeRequest, context: CallContext): Promise<DowngradeResponse> {
    await this.#mustBeAdmin(context);
    const server = this.#server;
    const { cluster } = reportedVersions(server.config);
    const answer = (): DowngradeResponse => ({ header: server.header(), version: cluster });
    const isCancel = request.action === DowngradeRequest_DowngradeAction.CANCEL;
    const isEnable = request.action === DowngradeRequest_DowngradeAction.ENABLE;
    if (isCancel) {
      await server.requests.linearizable(() => undefined);
      // 3.6 only writes into its log that there is none.
      if (server.downgrade.target === undefined) {
        if (server.config.compat === '3.6') return answer();
        throw etcdError('noInflightDowngrade');
      }
    } else {
      if (!isEnable && request.action !== DowngradeRequest_DowngradeAction.VALIDATE) {
        throw etcdError('unknownMethod');
      }
      await this.#validateDowngrade(request.version);
      if (!isEnable) return answer();
    }
    const target = isCancel ? '' : downgradeTargetOf(cluster);
    await server.requests.propose('downgradeInfo', Buffer.from(target), target);
    return answer();
  }

  /** @throws wrongDowngradeVersionFormat, invalidDowngradeTargetVersion, downgradeInProcess */
  async #validateDowngrade(version: string): Promise<void> {
    const target = clusterVersionOf(version);
    if (target === undefined) throw etcdError('wrongDowngradeVersionFormat');
    await this.#server.requests.linearizable(() => undefined);
    if (target !== downgradeTargetOf(reportedVersions(this.#server.config).cluster)) {
      throw etcdError('invalidDowngradeTargetVersion');
    }
    if (this.#server.downgrade.target !== undefined) throw etcdError('downgradeInProcess');
  }

  async #mustBeAdmin(context: CallContext): Promise<void> {
    await this.#identity.admin(context);
  }

  /** For the calls whose refusals etcd leaves as its auth store words them. */
  async #mustBeAdminUncoded(context: CallContext): Promise<void> {
    try {
      await this.#identity.admin(context);
    } catch (error) {
      throw this.#server.config.compat === '3.6' ? error : rawAuthError(error);
    }
  }
}

/** The hash over the revisions that this member has applied. @throws compacted, futureRev */
export async function hashKV(server: MaintenanceMember, revision: number): Promise<HashKVResponse> {
  const done = server.config.telemetry.server.hashRevStarted();
  const found = await server.store.hashKV(revision);
  done();
  return {
    header: server.header(found.rev),
    hash: found.hash,
    compactRevision: found.compactRev,
    hashRevision: found.hashRev,
  };
}
