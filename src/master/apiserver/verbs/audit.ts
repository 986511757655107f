import { formatMicroTime } from '../../../api/facts/time.js';
import { randomUUID } from 'node:crypto';
import type { WriteStream } from 'node:fs';
import { createWriteStream } from 'node:fs';
import type { Clock } from '../../../lib/clock.js';
import type { Attributes, Decision } from '../authz/attributes.js';
import { auditBufferedBytes } from '../limits.js';
import type { UserInfo } from '../registry/types.js';
import { isStatusError } from '../status.js';
import type { Call } from './call.js';
import { formatJson } from '../../../lib/json.js';

/** Collects what is known of a request for its audit event; each step of the gate fills in its part. */
export interface AuditRecord {
  readonly call: Call;
  /** Made when the first event is written: a request that is not audited costs no random bytes. */
  id: string;
  readonly startedMs: number;
  user: UserInfo | undefined;
  /** Set where `user` speaks for somebody else. */
  impersonated: UserInfo | undefined;
  attributes: Attributes | undefined;
  decision: Decision | undefined;
}

/** The outcome of a request; `error` where it failed. */
export interface AuditOutcome {
  readonly code: number;
  readonly error?: unknown;
}

/** When an event is written: once the headers of a long answer are out, or at the end. */
export type AuditStage = 'ResponseStarted' | 'ResponseComplete';

/** Writes `audit.k8s.io/v1` events of level Metadata, one JSON line each. */
export class AuditLog {
  readonly #stream: WriteStream;
  readonly #clock: Clock;
  /** Events that were not written because too many wait for the disk, or the disk failed. */
  dropped = 0;

  constructor(path: string, clock: Clock) {
    this.#stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
    this.#stream.on('error', () => {
      this.dropped++;
    });
    this.#clock = clock;
  }

  /** Never throws. */
  write(stage: AuditStage, record: AuditRecord, outcome: AuditOutcome): void {
    if (this.#stream.writableLength > auditBufferedBytes) {
      this.dropped++;
      return;
    }
    if (record.id === '') record.id = randomUUID();
    const event = auditEvent(stage, record, outcome, this.#clock.nowMs());
    this.#stream.write(`${formatJson(event)}\n`);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#stream.end(resolve);
    });
  }
}

/** Makes an audit event. Pure. */
export function auditEvent(
  stage: AuditStage,
  record: AuditRecord,
  outcome: AuditOutcome,
  nowMs: number,
): object {
  const { call, user, impersonated, decision } = record;
  const { caller } = call;
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: record.id,
    stage,
    requestURI: caller.uri,
    verb: call.verb,
    // A request whose sender is not known has an empty user, as in Kubernetes.
    user: user === undefined ? {} : userOf(user),
    ...(impersonated === undefined ? {} : { impersonatedUser: userOf(impersonated) }),
    sourceIPs: [caller.address],
    userAgent: caller.userAgent,
    ...(call.resource === undefined ? {} : { objectRef: objectReference(record) }),
    responseStatus: responseStatus(outcome),
    requestReceivedTimestamp: formatMicroTime(record.startedMs),
    stageTimestamp: formatMicroTime(nowMs),
    ...(decision === undefined
      ? {}
      : {
          annotations: {
            'authorization.k8s.io/decision': decision.allowed ? 'allow' : 'forbid',
            'authorization.k8s.io/reason': decision.reason,
            ...Object.fromEntries(call.auditAnnotations ?? []),
          },
        }),
  };
}

function userOf(user: UserInfo): object {
  return {
    username: user.name,
    ...(user.uid === undefined ? {} : { uid: user.uid }),
    groups: user.groups,
    ...(user.extra === undefined ? {} : { extra: user.extra }),
  };
}

function responseStatus({ code, error }: AuditOutcome): object {
  if (error === undefined) return { metadata: {}, code };
  if (!isStatusError(error)) return { metadata: {}, status: 'Failure', code };
  const { message, reason, details } = error.status;
  return {
    metadata: {},
    status: 'Failure',
    ...(message === undefined ? {} : { message }),
    ...(reason === undefined ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code,
  };
}

/** The object as it was authorized; as it was asked for, where the request did not get so far. */
function objectReference({ attributes, call }: AuditRecord): object {
  const named = attributes ?? call.resource;
  if (named === undefined) return {};
  const { resource, group, version, namespace, name, subresource } = named;
  return {
    resource,
    ...(namespace === '' ? {} : { namespace }),
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { apiGroup: group }),
    apiVersion: version,
    ...(subresource === '' ? {} : { subresource }),
  };
}
