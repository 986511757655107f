import type { ResourceRef } from '../../../gen/apiserver.js';
import type { CallContext, PeerCertificate } from '../../../lib/grpc/index.js';
import type { Credentials } from '../authn/authenticator.js';
import { bearerToken } from '../authn/authenticator.js';
import { asksToImpersonate } from '../authn/impersonation.js';
import { badRequest } from '../status.js';
import type { Call, Caller, ResourceName } from '../verbs/index.js';

const none: readonly string[] = [];

/** A gRPC call as the verbs see it. */
export function callOf(
  context: CallContext,
  verb: string,
  resource: ResourceName | undefined,
  fieldSelector = '',
): Call {
  const { path } = context;
  const caller = new GrpcCaller(context);
  return { caller, verb, resource, path, fieldSelector, warnings: [], notes: {} };
}

/** The caller of a gRPC request; its fields for the audit log and the count of guesses are read on demand. */
class GrpcCaller implements Caller, Credentials {
  readonly credentials = this;
  readonly certificate: PeerCertificate | undefined;
  readonly token: string;
  readonly uri: string;
  readonly #context: CallContext;

  constructor(context: CallContext) {
    this.#context = context;
    this.uri = context.path;
    this.certificate = context.peerCertificate;
    this.token = bearerToken(context.header('authorization') ?? '');
  }

  /**
   * Nobody is somebody else here: fields that may come several times arrive as one, and a group's name may hold commas.
   * A caller that asks for it must not act as itself instead. @throws StatusError BadRequest
   */
  get impersonation(): readonly string[] {
    if (asksToImpersonate(this.#context)) {
      throw badRequest('impersonation is not served over gRPC');
    }
    return none;
  }

  get address(): string {
    return addressOf(this.#context.peer);
  }

  get userAgent(): string {
    return this.#context.header('user-agent') ?? '';
  }
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
