/** Authorizes calls of the cluster service: to see the cluster's state, to make join tokens, to change members. */
import type { CallContext } from '../../lib/grpc/index.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import { asksToImpersonate } from '../apiserver/authn/impersonation.js';
import type { Authorization } from '../apiserver/authz/authorizers.js';

/** The path by which roles grant the cluster's status. */
export const clusterPath = '/trireme/cluster';
const superusers = 'system:masters';
/** What the cluster's administrators alone do. */
const changes = {
  create: 'create join tokens',
  update: 'change the members of the store',
} as const;

/**
 * The check of a call: looking needs `get` on {@link clusterPath}, like a health check; join tokens are as good as the
 * cluster's keys, so that only its administrators make them, and change the store's members.
 * @returns a function that rejects with UNAUTHENTICATED or PERMISSION_DENIED
 */
export function clusterAuthorizer(
  authorization: Authorization,
): (context: CallContext, verb: keyof typeof changes | 'get') => Promise<void> {
  return async (context, verb) => {
    const { peerCertificate: caller } = context;
    if (asksToImpersonate(context)) {
      throw new GrpcError(Code.InvalidArgument, 'impersonation is not served over gRPC');
    }
    if (caller === undefined) {
      throw new GrpcError(Code.Unauthenticated, 'a client certificate of the cluster is needed');
    }
    const { commonName: name, organizations: groups } = caller;
    if (verb !== 'get') {
      if (groups.includes(superusers)) return;
      const text = `User "${name}" cannot ${changes[verb]}: only members of ${superusers} can`;
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
