import { beforeEach, describe, expect, test } from '@jest/globals';
import { builtInRegistry } from '../../../api/kinds.js';
import { ManualClock } from '../../../lib/clock.js';
import { Authenticator } from '../authn/authenticator.js';
import type { Attributes } from '../authz/attributes.js';
import { chain } from '../authz/authorizers.js';
import type { Flow } from '../flowcontrol/index.js';
import type { UserInfo } from '../registry/types.js';
import { conflict } from '../status.js';
import type { AuditLog, AuditOutcome, AuditRecord, AuditStage } from './audit.js';
import { auditEvent } from './audit.js';
import type { Call } from './call.js';
import type { FinishedRequest } from './gate.js';
import { Gate } from './gate.js';

const jane: UserInfo = { name: 'jane', uid: 'u', groups: ['dev'] };

let clock: ManualClock;
let finished: FinishedRequest[];
let events: Record<string, unknown>[];
/** What has been asked of the authorizer, as `user verb what`. */
let asked: string[];
/** The questions that are answered with no, or that make the authorizer wait. */
let refuses: (question: string) => boolean;
let waits: boolean;

beforeEach(() => {
  clock = new ManualClock(Date.parse('2026-01-01T00:00:00Z'));
  [finished, events, asked] = [[], [], []];
  refuses = () => false;
  waits = false;
});

function gate(): Gate {
  const authorize = (attributes: Attributes) => {
    const { user, verb, resource, subresource, name, path, isResource } = attributes;
    const part = subresource === '' ? '' : `/${subresource}`;
    const what = isResource ? `${resource}${part} ${name}`.trim() : path;
    const question = `${user.name} ${verb} ${what}`;
    asked.push(question);
    const answer = refuses(question)
      ? { allowed: undefined, reason: 'not on Sundays' }
      : { allowed: true as const, reason: 'RBAC: allowed' };
    return waits ? Promise.resolve(answer) : answer;
  };
  const tokens = [
    { authenticate: (token: string) => Promise.resolve(token === 'jane' ? jane : undefined) },
  ];
  const audit = {
    write: (stage: AuditStage, record: AuditRecord, outcome: AuditOutcome) => {
      record.id = 'id';
      events.push(auditEvent(stage, record, outcome, clock.nowMs()) as Record<string, unknown>);
    },
  };
  return new Gate({
    kinds: builtInRegistry(),
    authenticator: new Authenticator({ tokens, allowAnonymous: true, clock }),
    authorization: chain([{ authorize }]),
    flow: { classify: () => ({}) as Flow },
    audit: audit as unknown as AuditLog,
    clock,
    onFinish: ({ call, attributes, code, elapsedMs }) =>
      finished.push({ call, attributes, code, elapsedMs }),
  });
}

function call(more: Partial<Call> = {}, caller: Partial<Call['caller']> = {}): Call {
  return {
    caller: {
      credentials: { certificate: undefined, token: 'jane' },
      impersonation: [],
      address: '192.0.2.7',
      userAgent: 'kubectl/v1.33',
      uri: '/api/v1/namespaces/ns/pods/p?pretty',
      ...caller,
    },
    verb: 'get',
    resource: {
      group: '',
      version: 'v1',
      resource: 'pods',
      subresource: '',
      namespace: 'ns',
      name: 'p',
    },
    path: '/api/v1/namespaces/ns/pods/p',
    fieldSelector: '',
    warnings: [],
    notes: {},
    ...more,
  };
}

const path = (more: Partial<Call> = {}): Call =>
  call({ resource: undefined, path: '/version', ...more });

describe('a request that is let in', () => {
  test('does its work as who sent it, about what was authorized, and is told of', async () => {
    const result = await gate().run(call(), (admitted) => {
      clock.advance(30);
      const { kind, namespace, name, subresource } = admitted.target();
      return Promise.resolve([admitted.user.name, kind.kind, namespace, name, subresource]);
    });
    expect(result).toEqual(['jane', 'Pod', 'ns', 'p', '']);
    expect(asked).toEqual(['jane get pods p']);
    expect(finished).toMatchObject([{ code: 200, elapsedMs: 30, attributes: { verb: 'get' } }]);
    expect(events).toEqual([
      {
        kind: 'Event',
        apiVersion: 'audit.k8s.io/v1',
        level: 'Metadata',
        auditID: 'id',
        stage: 'ResponseComplete',
        requestURI: '/api/v1/namespaces/ns/pods/p?pretty',
        verb: 'get',
        user: { username: 'jane', uid: 'u', groups: ['dev', 'system:authenticated'] },
        sourceIPs: ['192.0.2.7'],
        userAgent: 'kubectl/v1.33',
        objectRef: { resource: 'pods', namespace: 'ns', name: 'p', apiVersion: 'v1' },
        responseStatus: { metadata: {}, code: 200 },
        requestReceivedTimestamp: '2026-01-01T00:00:00.000000Z',
        stageTimestamp: '2026-01-01T00:00:00.030000Z',
        annotations: {
          'authorization.k8s.io/decision': 'allow',
          'authorization.k8s.io/reason': 'RBAC: allowed',
        },
      },
    ]);
  });

  test('may answer with another code, after its answer has begun', async () => {
    await gate().run(call(), (admitted) => {
      admitted.started(101);
      admitted.code = 101;
      return Promise.resolve();
    });
    expect(events.map(({ stage, responseStatus }) => [stage, responseStatus])).toEqual([
      ['ResponseStarted', { metadata: {}, code: 101 }],
      ['ResponseComplete', { metadata: {}, code: 101 }],
    ]);
    expect(finished[0]?.code).toBe(101);
  });

  test('has notes of admission in its event', async () => {
    const noted = call({ auditAnnotations: new Map([['pod-security.kubernetes.io/x', 'y']]) });
    await gate().run(noted, () => Promise.resolve());
    expect(events[0]?.['annotations']).toMatchObject({ 'pod-security.kubernetes.io/x': 'y' });
  });

  test.each([false, true])(
    'to a path outside of the resources (authorizer waits: %s)',
    async (wait) => {
      waits = wait;
      await gate().run(path(), ({ user }) => Promise.resolve(user));
      expect(asked).toEqual(['jane get /version']);
      expect(events[0]).not.toHaveProperty('objectRef');
      const target = gate().run(path(), (admitted) => Promise.resolve(admitted.target()));
      await expect(target).rejects.toMatchObject({ code: 404 });
    },
  );
});

describe('a request that is refused', () => {
  const never = (): Promise<never> => Promise.reject(new Error('the work was begun'));

  test('for want of rights, in words that say which', async () => {
    refuses = () => true;
    await expect(gate().run(call(), never)).rejects.toMatchObject({
      code: 403,
      message:
        'pods "p" is forbidden: User "jane" cannot get resource "pods" in API group "" ' +
        'in the namespace "ns": not on Sundays',
    });
    expect(finished[0]?.code).toBe(403);
    expect(events[0]).toMatchObject({
      responseStatus: { status: 'Failure', reason: 'Forbidden', code: 403 },
      annotations: {
        'authorization.k8s.io/decision': 'forbid',
        'authorization.k8s.io/reason': 'not on Sundays',
      },
    });
  });

  test('for a path is told the path', async () => {
    refuses = () => true;
    await expect(gate().run(path(), never)).rejects.toMatchObject({
      message: 'forbidden: User "jane" cannot get path "/version": not on Sundays',
    });
  });

  test('for a token that is not valid, before anybody is asked', async () => {
    const credentials = { certificate: undefined, token: 'stolen' };
    await expect(gate().run(call({}, { credentials }), never)).rejects.toMatchObject({ code: 401 });
    expect(asked).toEqual([]);
    // The event has no user, and names what was asked for.
    expect(events[0]).toMatchObject({ user: {}, objectRef: { resource: 'pods', name: 'p' } });
    expect(events[0]).not.toHaveProperty('annotations');
  });

  test('that fails in its work is told of by its own code, or as our fault', async () => {
    const taken = conflict({ group: '', resource: 'pods' }, 'p');
    await expect(gate().run(call(), () => Promise.reject(taken))).rejects.toBe(taken);
    await expect(gate().run(call(), never)).rejects.toThrow('the work was begun');
    expect(finished.map(({ code }) => code)).toEqual([409, 500]);
    expect(events.map(({ responseStatus }) => responseStatus)).toMatchObject([
      { status: 'Failure', reason: 'Conflict', code: 409 },
      // What went wrong inside is not for the log of requests.
      { metadata: {}, status: 'Failure', code: 500 },
    ]);
  });

  test('asks for a kind that is not there only after it may', async () => {
    const strange = call({
      resource: { ...(call().resource as object), resource: 'cars' } as never,
    });
    const target = gate().run(strange, (admitted) => Promise.resolve(admitted.target()));
    await expect(target).rejects.toMatchObject({ code: 404 });
    refuses = () => true;
    await expect(gate().run(strange, never)).rejects.toMatchObject({ code: 403 });
  });
});

describe('a request for somebody else', () => {
  const asJoe = { impersonation: ['Impersonate-User', 'joe'] };

  test('is authorized as theirs, once its sender may be them', async () => {
    const user = await gate().run(call({}, asJoe), (admitted) => Promise.resolve(admitted.user));
    expect(user.name).toBe('joe');
    expect(asked).toEqual(['jane impersonate users joe', 'joe get pods p']);
    expect(events[0]).toMatchObject({
      user: { username: 'jane' },
      impersonatedUser: { username: 'joe' },
    });
  });

  test('is refused for one who may not be them, and for what they may not', async () => {
    refuses = (question) => question.includes('impersonate');
    const never = (): Promise<void> => Promise.reject(new Error('the work was begun'));
    await expect(gate().run(call({}, asJoe), never)).rejects.toMatchObject({
      code: 403,
      message: expect.stringContaining('cannot impersonate resource "users"'),
    });
    expect(events[0]).not.toHaveProperty('impersonatedUser');
    refuses = (question) => question.startsWith('joe');
    await expect(gate().run(call({}, asJoe), never)).rejects.toMatchObject({
      message: expect.stringContaining('User "joe" cannot get'),
    });
  });
});
