/** Authorizes calls of the cluster service: to see the cluster's state, and to make join tokens. */
import type { CallContext } from '../../lib/grpc/index.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import { asksToImpersonate } from '../apiserver/authn/impersonation.js';
import type { Authorization } from '../apiserver/authz/authorizers.js';

/** The path by which roles grant the cluster's status. */
export const clusterPath = '/trireme/cluster';
const superusers = 'system:masters';

/**
 * The check of a call: looking needs `get` on {@link clusterPath}, like a health check; join tokens are as good as the
 * cluster's keys, so that only its administrators make them.
 * @returns a function that rejects with UNAUTHENTICATED or PERMISSION_DENIED
 */
export function clusterAuthorizer(
  authorization: Authorization,
): (context: CallContext, verb: 'get' | 'create') => Promise<void> {
  return async (context, verb) => {
    const { peerCertificate: caller } = context;
    if (asksToImpersonate(context)) {
      throw new GrpcError(Code.InvalidArgument, 'impersonation is not served over gRPC');
    }
    if (caller === undefined) {
      throw new GrpcError(Code.Unauthenticated, 'a client certificate of the cluster is needed');
    }
    const { commonName: name, organizations: groups } = caller;
    if (verb === 'create') {
      if (groups.includes(superusers)) return;
      const text = `User "${name}" cannot create join tokens: only members of ${superusers} can`;
      throw new GrpcError(Code.PermissionDenied, text);
    }
    const { allowed } = await authorization.decide({
      user: { name, groups: [...groups, 'system:authenticated'] },
      verb,
      isResource: false,
      group: '',
      version: '',
      resource: '',
      subresource: '',
      namespace: '',
      name: '',
      path: clusterPath,
    });
    if (allowed) return;
    throw new GrpcError(Code.PermissionDenied, `User "${name}" cannot get path "${clusterPath}"`);
  };
}
