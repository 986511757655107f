import type { ResourceRef } from '../../../gen/apiserver.js';
import type { CallContext } from '../../../lib/grpc/index.js';
import { bearerToken } from '../authn/authenticator.js';
import type { Call, ResourceName } from '../verbs/index.js';

const none: readonly string[] = [];

/** A gRPC call as the verbs see it. */
export function callOf(
  context: CallContext,
  verb: string,
  resource: ResourceName,
  fieldSelector = '',
): Call {
  return {
    caller: {
      credentials: {
        certificate: context.peerCertificate,
        token: bearerToken(context.header('authorization') ?? ''),
      },
      impersonation: none,
      address: addressOf(context.peer),
      userAgent: context.header('user-agent') ?? '',
      uri: context.path,
    },
    verb,
    resource,
    path: context.path,
    fieldSelector,
    warnings: [],
  };
}

/** `address:port` without the port; an IPv6 address may stand in brackets. */
function addressOf(peer: string): string {
  const colon = peer.lastIndexOf(':');
  return (colon < 0 ? peer : peer.slice(0, colon)).replace(/^\[|\]$/g, '');
}

const nothing: ResourceName = {
  group: '',
  version: '',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
};

/** A reference as a name; one that is missing names nothing, which is not found. */
export function nameOf(ref: ResourceRef | undefined): ResourceName {
  return ref ?? nothing;
}
