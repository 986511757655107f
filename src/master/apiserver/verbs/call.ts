/** A request as it enters: who sends it, how it came, what it asks for. Both doors make one of each request. */
import type { Credentials } from '../authn/authenticator.js';
import type { Flow, Sender } from '../flowcontrol/index.js';
import type { ResourceName } from './names.js';

/** The sender of a request, and what the audit log tells of it. */
export interface Caller {
  readonly credentials: Credentials;
  /** The request's `Impersonate-*` fields, names and values by turns; empty where there are none. */
  readonly impersonation: readonly string[];
  /** The network address, without a port. */
  readonly address: string;
  readonly userAgent: string;
  /** The URI with its query, or the gRPC method's path. */
  readonly uri: string;
}

/** What is found out of a request on its way, for its answer. */
export interface CallNotes {
  /** Set once it is known who asks. */
  flow?: Flow;
}

/** One request, before anybody is authenticated. */
export interface Call {
  readonly caller: Caller;
  /** Kubernetes' verb; for a path the method in lower case. */
  readonly verb: string;
  /** Undefined for a path outside of the resources. */
  readonly resource: ResourceName | undefined;
  /** Without the query. */
  readonly path: string;
  /** The field selector of a list or a watch; empty otherwise. */
  readonly fieldSelector: string;
  /** Texts for the client, in order; the verbs add to them. */
  readonly warnings: string[];
  readonly notes: CallNotes;
  /** Whoever waits for the answer, and how long. */
  readonly sender?: Sender | undefined;
  /** Admission's notes for the audit log; made for requests that admission is asked about. */
  auditAnnotations?: Map<string, string>;
}
