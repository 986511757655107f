import type { KindRegistry } from '../../../api/registry.js';
import type { Clock } from '../../../lib/clock.js';
import type { Authenticator } from '../authn/authenticator.js';
import { impersonate } from '../authn/impersonation.js';
import type { Attributes, Decision } from '../authz/attributes.js';
import type { Authorization } from '../authz/authorizers.js';
import { forbiddenError } from '../authz/authorizers.js';
import type { Flow, FlowControl } from '../flowcontrol/index.js';
import type { Target, UserInfo } from '../registry/types.js';
import { isStatusError, methodNotAllowed, noSuchResource } from '../status.js';
import type { AuditLog, AuditRecord } from './audit.js';
import type { Call } from './call.js';
import type { Resolution } from './resolve.js';
import { resolve } from './resolve.js';

/** A finished request, as metrics count it. */
export interface FinishedRequest {
  readonly call: Call;
  /** Undefined where nobody knows who asked. */
  readonly attributes: Attributes | undefined;
  /** Undefined where it did not come to one. */
  readonly decision?: Decision | undefined;
  readonly code: number;
  readonly elapsedMs: number;
}

/** The authenticator, the authorizer and the audit log that a gate asks. */
export interface GateDeps {
  readonly kinds: KindRegistry;
  readonly authenticator: Authenticator;
  readonly authorization: Authorization;
  readonly flow: Pick<FlowControl, 'classify'>;
  readonly audit: AuditLog | undefined;
  readonly clock: Clock;
  readonly onFinish: (request: FinishedRequest) => void;
}

/** A request that has been let in. */
export interface Admitted {
  readonly user: UserInfo;
  readonly flow: Flow;
  /** @throws StatusError when the request asks for what is not served */
  target(): Target;
  /** The code that the work will answer with, where it is not 200. */
  code: number;
  /** Says in the audit log that a long answer has begun. */
  started(code: number): void;
}

/**
 * The one way into the server. In order: authenticate, impersonate, resolve what will be executed, authorize exactly
 * that, do the work; and one audit event for each request, whatever became of it.
 */
export class Gate {
  readonly #deps: GateDeps;

  constructor(deps: GateDeps) {
    this.#deps = deps;
  }

  /** @throws StatusError Unauthorized, Forbidden, and whatever the work throws */
  async run<T>(call: Call, work: (admitted: Admitted) => Promise<T>): Promise<T> {
    const { audit, clock } = this.#deps;
    // Only the audit log asks for the time of day.
    const startedMs = audit === undefined ? 0 : clock.nowMs();
    const record = new Passing(call, startedMs, clock.monotonicMs());
    try {
      const admitting = this.#admit(record);
      const admitted = admitting instanceof Promise ? await admitting : admitting;
      const result = await work(admitted);
      this.#finish(record, admitted.code, undefined);
      return result;
    } catch (error) {
      this.#finish(record, isStatusError(error) ? error.code : 500, error);
      throw error;
    }
  }

  /** Waits only where who asks or whether he may is not known at once. */
  #admit(record: AuditRecord): Admitted | Promise<Admitted> {
    const { credentials, impersonation } = record.call.caller;
    const user = this.#deps.authenticator.authenticate(credentials);
    if (user instanceof Promise || impersonation.length > 0) return this.#admitLater(record, user);
    record.user = user;
    return this.#authorize(record, user);
  }

  async #admitLater(
    record: AuditRecord,
    authenticated: UserInfo | Promise<UserInfo>,
  ): Promise<Admitted> {
    const { caller } = record.call;
    let user = await authenticated;
    record.user = user;
    if (caller.impersonation.length > 0) {
      user = await impersonate(user, caller.impersonation, this.#deps.authorization);
      if (user !== record.user) record.impersonated = user;
    }
    return this.#authorize(record, user);
  }

  #authorize(record: AuditRecord, user: UserInfo): Admitted | Promise<Admitted> {
    const { authorization, kinds } = this.#deps;
    const { call } = record;
    const { resource, verb, fieldSelector } = call;
    const resolution =
      resource === undefined
        ? { attributes: pathAttributes(call, user), target: undefined, refusal: noSuchResource() }
        : resolve(kinds, user, { verb, name: resource, fieldSelector });
    const { attributes } = resolution;
    record.attributes = attributes;
    const flow = this.#deps.flow.classify(attributes);
    call.notes.flow = flow;
    const enter = (decision: Decision): Admitted => {
      record.decision = decision;
      if (!decision.allowed) throw forbiddenError(attributes, decision);
      return new Entered({ user, flow, resolution, record, audit: this.#deps.audit });
    };
    const decision = authorization.decide(attributes);
    return decision instanceof Promise ? decision.then(enter) : enter(decision);
  }

  #finish(record: Passing, code: number, error: unknown): void {
    const { audit, clock, onFinish } = this.#deps;
    audit?.write('ResponseComplete', record, { code, ...(error === undefined ? {} : { error }) });
    record.code = code;
    record.elapsedMs = clock.monotonicMs() - record.startMs;
    onFinish(record);
  }
}

/** One request on its way, as the audit log and the metrics know it. */
class Passing implements AuditRecord, FinishedRequest {
  readonly call: Call;
  id = '';
  readonly startedMs: number;
  /** On the clock that never goes back. */
  readonly startMs: number;
  user: UserInfo | undefined = undefined;
  impersonated: UserInfo | undefined = undefined;
  attributes: Attributes | undefined = undefined;
  decision: Decision | undefined = undefined;
  code = 0;
  elapsedMs = 0;

  constructor(call: Call, startedMs: number, startMs: number) {
    this.call = call;
    this.startedMs = startedMs;
    this.startMs = startMs;
  }
}

class Entered implements Admitted {
  code = 200;
  readonly user: UserInfo;
  readonly flow: Flow;
  readonly #resolution: Pick<Resolution, 'target' | 'refusal'>;
  readonly #record: AuditRecord;
  readonly #audit: AuditLog | undefined;

  constructor(parts: {
    readonly user: UserInfo;
    readonly flow: Flow;
    readonly resolution: Pick<Resolution, 'target' | 'refusal'>;
    readonly record: AuditRecord;
    readonly audit: AuditLog | undefined;
  }) {
    this.user = parts.user;
    this.flow = parts.flow;
    this.#resolution = parts.resolution;
    this.#record = parts.record;
    this.#audit = parts.audit;
  }

  started(code: number): void {
    this.#audit?.write('ResponseStarted', this.#record, { code });
  }

  target(): Target {
    const { target, refusal } = this.#resolution;
    if (target === undefined) throw refusal ?? methodNotAllowed();
    return target;
  }
}

function pathAttributes(call: Call, user: UserInfo): Attributes {
  const none = { group: '', version: '', resource: '', subresource: '', namespace: '', name: '' };
  return { ...none, user, isResource: false, verb: call.verb, path: call.path };
}
