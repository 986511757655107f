/** The audit log's events of services beside the verbs: joining, and the cluster's status. */
import type { Clock } from '../../../lib/clock.js';
import type { CallContext, CallObserver } from '../../../lib/grpc/index.js';
import { Code } from '../../../lib/grpc/index.js';
import { bearerToken } from '../authn/authenticator.js';

import { failure } from '../status.js';
import type { AuditLog, UserInfo } from '../verbs/index.js';
import { callOf } from './call.js';

/** HTTP's code and Kubernetes' reason for what such calls end with; everything else is an error of the server. */
const statuses: Readonly<Partial<Record<Code, readonly [code: number, reason: string]>>> = {
  [Code.Cancelled]: [499, 'ClientClosedRequest'],
  [Code.InvalidArgument]: [400, 'BadRequest'],
  [Code.Unauthenticated]: [401, 'Unauthorized'],
  [Code.PermissionDenied]: [403, 'Forbidden'],
  [Code.NotFound]: [404, 'NotFound'],
  [Code.AlreadyExists]: [409, 'AlreadyExists'],
  [Code.FailedPrecondition]: [409, 'Conflict'],
  [Code.ResourceExhausted]: [429, 'TooManyRequests'],
  [Code.Unavailable]: [503, 'ServiceUnavailable'],
  [Code.DeadlineExceeded]: [504, 'Timeout'],
};

/** Writes an event for each call when it has ended; its verb is the method's name. */
export function auditedCalls(audit: AuditLog, clock: Clock): CallObserver {
  return (context) => {
    const startedMs = clock.nowMs();
    const method = context.path.slice(context.path.lastIndexOf('/') + 1);
    const call = callOf(context, method.toLowerCase(), undefined);
    return (error) => {
      const user = userOf(context, error === undefined);
      const more = { impersonated: undefined, attributes: undefined, decision: undefined };
      const record = { call, id: '', startedMs, user, ...more };
      if (error === undefined) {
        audit.write('ResponseComplete', record, { code: 200 });
        return;
      }
      const [code, reason] = statuses[error.code] ?? [500, 'InternalError'];
      const failed = failure(code, reason, error.message);
      audit.write('ResponseComplete', record, { code, error: failed });
    };
  };
}

/** Returns the user that the certificate names, or a join token's user, which is known when the call succeeded. */
function userOf(context: CallContext, isGood: boolean): UserInfo | undefined {
  const { peerCertificate: certificate } = context;
  if (certificate !== undefined) {
    const { commonName: name, organizations: groups } = certificate;
    return { name, groups: [...groups, 'system:authenticated'] };
  }
  const [, id] = /^([a-z0-9]{6})\./.exec(bearerToken(context.header('authorization') ?? '')) ?? [];
  if (id === undefined || !isGood) return undefined;
  return {
    name: `system:bootstrap:${id}`,
    groups: ['system:bootstrappers', 'system:authenticated'],
  };
}
