import { beforeEach, describe, expect, test } from '@jest/globals';
import { isJsonObject } from '../../../../api/object.js';
import type { Draft } from '../../testkit/api-bench.js';
import { ApiBench } from '../../testkit/api-bench.js';
import { podKind } from '../../../../api/core/pod.js';
import type { Question } from './review.js';
import { denied, questionOf, readVerdict } from './review.js';

let bench: ApiBench;
beforeEach(async () => {
  bench = await ApiBench.create();
});

const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'ns' } };

function asked({ body }: Question): Record<string, unknown> {
  const review: unknown = JSON.parse(body);
  if (!isJsonObject(review) || !isJsonObject(review['request'])) throw new Error(body);
  return review['request'];
}

describe('a question', () => {
  test('says all of a creation', () => {
    const question = questionOf(bench.request(pod), podKind);
    const { uid, ...request } = asked(question);
    expect(uid).toBe(question.uid);
    const [gvk, gvr] = [
      { group: '', version: 'v1', kind: 'Pod' },
      { group: '', version: 'v1', resource: 'pods' },
    ];
    expect(request).toEqual({
      kind: gvk,
      resource: gvr,
      requestKind: gvk,
      requestResource: gvr,
      name: 'p',
      namespace: 'ns',
      operation: 'CREATE',
      userInfo: { username: 'jane', groups: ['system:authenticated'] },
      object: pod,
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'test' },
    });
  });

  test('says what an update changes, in which part, and that it is a dry run', () => {
    const old = { ...pod, metadata: { ...pod.metadata, labels: { a: 'b' } } };
    const request = bench.request(pod, { old, subresource: 'status', dryRun: true });
    expect(asked(questionOf(request, podKind))).toMatchObject({
      subResource: 'status',
      requestSubResource: 'status',
      operation: 'UPDATE',
      object: pod,
      oldObject: old,
      dryRun: true,
      options: { kind: 'UpdateOptions', dryRun: ['All'], fieldManager: 'test' },
    });
  });

  test('has the old object alone at a removal', () => {
    const request = bench.request(pod, { operation: 'DELETE', old: pod });
    const { object, oldObject, options } = asked(questionOf(request, podKind));
    expect([object, oldObject]).toEqual([null, pod]);
    expect(options).toEqual({ kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1' });
  });

  test('names the resource that the hook asks for beside the one that was sent', () => {
    const draft: Draft = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd', namespace: 'ns' },
    };
    const request = asked(
      questionOf(bench.request(draft, { old: draft }), {
        ...bench.kind('apps/v1', 'Deployment'),
        group: 'extensions',
        version: 'v9',
      }),
    );
    expect(request).toMatchObject({
      kind: { group: 'extensions', version: 'v9', kind: 'Deployment' },
      resource: { group: 'extensions', version: 'v9' },
      requestKind: { group: 'apps', version: 'v1' },
      requestResource: { group: 'apps', version: 'v1' },
    });
  });

  test('has the options of a connection, without what is unset, and none of its own', () => {
    const { context } = bench.request(pod, { operation: 'CONNECT', subresource: 'exec' });
    const object = {
      apiVersion: 'v1',
      kind: 'PodExecOptions',
      metadata: { name: 'p' },
      stdin: true,
      tty: false,
      container: '',
      command: ['ls'],
      more: [],
    };
    const request = asked(
      questionOf({ operation: 'CONNECT', context, object, old: undefined }, podKind),
    );
    expect(request).toMatchObject({
      kind: { kind: 'PodExecOptions' },
      resource: { resource: 'pods' },
      subResource: 'exec',
      options: null,
    });
    expect(request['object']).toEqual({
      apiVersion: 'v1',
      kind: 'PodExecOptions',
      stdin: true,
      command: ['ls'],
    });
  });
});

describe('an answer', () => {
  const question: Question = { uid: 'u1', body: '' };
  const review = (response: object | undefined, more: object = {}): string =>
    JSON.stringify({
      kind: 'AdmissionReview',
      apiVersion: 'admission.k8s.io/v1',
      response,
      ...more,
    });
  const patchOf = (text: string): string => Buffer.from(text).toString('base64');

  test('that lets it pass, with a patch and warnings', () => {
    const patch = [{ op: 'add', path: '/a', value: 1 }];
    const response = {
      uid: 'u1',
      allowed: true,
      warnings: ['careful', 7],
      patchType: 'JSONPatch',
      patch: patchOf(JSON.stringify(patch)),
    };
    expect(readVerdict(review(response), question)).toEqual({
      allowed: true,
      result: undefined,
      warnings: ['careful', '7'],
      patch,
    });
  });

  test.each([[undefined], ['true'], [1], [null]])('allows nothing by allowed: %j', (allowed) => {
    expect(readVerdict(review({ uid: 'u1', allowed }), question).allowed).toBe(false);
  });

  test.each<[string, string, string | RegExp]>([
    ['no JSON', '{', /^couldn't get version\/kind; json parse error: /],
    ['no object', '[]', 'webhook response was absent'],
    ['no response', review(undefined), 'webhook response was absent'],
    [
      'another kind',
      review({ uid: 'u1' }, { kind: 'Status', apiVersion: 'v1' }),
      'expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got v1, Kind=Status',
    ],
    [
      'another version',
      review({ uid: 'u1' }, { apiVersion: 'admission.k8s.io/v1beta1' }),
      'expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, ' +
        'got admission.k8s.io/v1beta1, Kind=AdmissionReview',
    ],
    [
      'to another question',
      review({ uid: 'u2', allowed: true }),
      'expected response.uid="u1", got "u2"',
    ],
    ['to no question', review({ allowed: true }), 'expected response.uid="u1", got ""'],
    [
      'a patch of no type',
      review({ uid: 'u1', patch: patchOf('[]') }),
      'webhook returned response.patch but not response.patchType',
    ],
    [
      'a type of no patch',
      review({ uid: 'u1', patchType: 'JSONPatch' }),
      'webhook returned response.patchType but not response.patch',
    ],
    [
      'a patch of another type',
      review({ uid: 'u1', patch: patchOf('{}'), patchType: 'MergePatch' }),
      'invalid webhook response.patchType of "MergePatch"',
    ],
    [
      'a patch that is no JSON',
      review({ uid: 'u1', patch: patchOf('['), patchType: 'JSONPatch' }),
      /^the patch cannot be read: /,
    ],
  ])('that is none: %s', (_, text, message) => {
    expect(() => readVerdict(text, question)).toThrow(message);
  });
});

test.each<[string, object | undefined, object]>([
  [
    'without a word',
    undefined,
    { code: 400, message: 'admission webhook "h" denied the request without explanation' },
  ],
  [
    'with words',
    { message: 'no', code: 403, reason: 'Forbidden', details: { name: 'x' } },
    {
      code: 403,
      reason: 'Forbidden',
      message: 'admission webhook "h" denied the request: no',
      details: { name: 'x' },
    },
  ],
  [
    'with a reason',
    { reason: 'Busy' },
    { code: 400, reason: 'Busy', message: 'admission webhook "h" denied the request: Busy' },
  ],
  [
    'with success',
    { status: 'Success', code: 200, message: 'fine' },
    { code: 400, status: 'Failure', message: 'admission webhook "h" denied the request: fine' },
  ],
])('a refusal %s', (_, result, status) => {
  expect(denied('h', result).status).toMatchObject({ status: 'Failure', ...status });
});

test.each(['9007199254740993', '99999', '-5', '403.5', '"403"'])(
  'a refusal with the code %s can be sent',
  (code) => {
    const question: Question = { uid: 'u', body: '' };
    const status = `{"code":${code},"details":{"retryAfterSeconds":9223372036854775807}}`;
    const answer =
      '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":' +
      `{"uid":"u","allowed":false,"status":${status}}}`;
    const { result } = readVerdict(answer, question);
    const refusal = denied('h', result);
    expect(refusal.code).toBe(400);
    expect(JSON.parse(JSON.stringify(refusal.status))).toMatchObject({ code: 400, details: {} });
  },
);
