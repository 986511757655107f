import { beforeEach, describe, expect, test } from '@jest/globals';
import type { CertificateSigningRequest } from '../../../api/types/policy.js';
import { createSigningRequest } from '../../../lib/pki/certificates.js';
import type { Attributes } from '../authz/attributes.js';
import { chain } from '../authz/authorizers.js';
import type { UserInfo } from '../registry/types.js';
import type { Draft } from '../testkit/api-bench.js';
import { admit, ApiBench, refusal } from '../testkit/api-bench.js';
import { certificateRequests } from './certificates.js';
import type { AdmissionPlugin } from './chain.js';

let bench: ApiBench;
let [subject, approval, signing]: AdmissionPlugin[] = [];
/** The signers for which the user may approve or sign, as `verb name`. */
let granted: Set<string>;
let request: string;

beforeEach(async () => {
  bench = await ApiBench.create();
  granted = new Set();
  const authorize = ({ verb, group, resource, name }: Attributes) =>
    group === 'certificates.k8s.io' && resource === 'signers' && granted.has(`${verb} ${name}`)
      ? { allowed: true, reason: '' }
      : undefined;
  [subject, approval, signing] = certificateRequests(bench.objects, chain([{ authorize }]));
  request = await pemOf();
});

async function pemOf(...organizations: string[]): Promise<string> {
  const made = await createSigningRequest({ commonName: 'jane', organizations, usages: [] });
  return Buffer.from(made.request).toString('base64');
}

const signer = 'example.com/own';
const csr = (spec: object, status: object = {}) => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name: 'r' },
  spec: { signerName: signer, ...spec },
  status,
});
const head = '403 certificatesigningrequests.certificates.k8s.io "r" is forbidden: ';

function mustBe(plugin: AdmissionPlugin | undefined): AdmissionPlugin {
  if (plugin === undefined) throw new Error('no such plugin');
  return plugin;
}

describe('a request for a certificate', () => {
  const made = (draft: object, user?: UserInfo): Promise<CertificateSigningRequest> =>
    admit<CertificateSigningRequest>(
      mustBe(subject),
      bench.request(draft as Draft, user === undefined ? {} : { user }),
    );
  const refused = (draft: object): Promise<string | undefined> =>
    refusal(mustBe(subject), bench.request(draft as Draft));

  test('says who sent it, whatever it says itself, and has not been decided on', async () => {
    const user: UserInfo = {
      name: 'jane',
      groups: ['a', 'system:authenticated'],
      uid: 'u',
      extra: { scopes: ['x'] },
    };
    const forged = { username: 'root', groups: ['system:masters'], uid: '0', extra: { a: ['b'] } };
    const approved = { conditions: [{ type: 'Approved', status: 'True' }], certificate: 'abc' };
    const { spec, status } = await made(csr({ request, ...forged }, approved), user);
    expect(spec).toEqual({
      request,
      signerName: signer,
      username: 'jane',
      groups: ['a', 'system:authenticated'],
      uid: 'u',
      extra: { scopes: ['x'] },
    });
    expect(status).toEqual({});
    const plain = await made(csr({ request, ...forged }), { name: 'joe', groups: [] });
    expect(plain.spec).toEqual({ request, signerName: signer, username: 'joe', groups: [] });
  });

  test('must be one that can be read', async () => {
    // What is no request at all is refused in validation.
    expect(await refused(csr({ request: 'bm8=' }))).toBeUndefined();
    const [begin, end] = ['BEGIN', 'END'].map((word) => `-----${word} CERTIFICATE REQUEST-----\n`);
    const broken = Buffer.from(`${begin}AAAA\n${end}`).toString('base64');
    expect(await refused(csr({ request: broken }))).toMatch(
      /^422 .* "r" is invalid: spec.request: Invalid value: \[\]byte\{0x2d, .*\}: the certificate request cannot be read$/,
    );
  });

  test('makes no administrator, except where another authority signs', async () => {
    const masters = await pemOf('a', 'system:masters');
    const client = 'kubernetes.io/kube-apiserver-client';
    expect(await refused(csr({ request: masters, signerName: client }))).toBe(
      `${head}use of ${client} signer with system:masters group is not allowed`,
    );
    expect(await refused(csr({ request: masters }))).toBeUndefined();
    expect(await refused(csr({ request, signerName: client }))).toBeUndefined();
  });

  test('that is decided on says when, unless it does already', async () => {
    const conditions = [
      { type: 'Approved', status: 'True' },
      { type: 'Failed', status: 'True', lastUpdateTime: 'then', lastTransitionTime: 'before' },
    ];
    const old = csr({ request });
    const { status } = await admit<CertificateSigningRequest>(
      mustBe(subject),
      bench.request(csr({ request }, { conditions }), { old, subresource: 'approval' }),
    );
    const now = bench.objects.now();
    expect(status?.conditions).toEqual([
      { type: 'Approved', status: 'True', lastUpdateTime: now, lastTransitionTime: now },
      conditions[1],
    ]);
  });
});

describe('a decision', () => {
  const old = csr({});
  const decide = (next: object, subresource: string): Promise<string | undefined> =>
    refusal(
      mustBe(subresource === 'approval' ? approval : signing),
      bench.request(next as Draft, { old, subresource }),
    );
  const approved = csr({}, { conditions: [{ type: 'Approved', status: 'True' }] });
  const signed = csr({}, { certificate: 'abc' });

  test.each<[string, object, string, string]>([
    ['approval', approved, 'approve', 'an approval'],
    ['status', signed, 'sign', 'a certificate'],
    ['status', csr({}, { conditions: [{ type: 'Failed', status: 'True' }] }), 'sign', 'a failure'],
  ])('on %s takes a right for the signer or its domain', async (subresource, next, verb) => {
    const text = `${head}user not permitted to ${verb} requests with signerName "${signer}"`;
    expect(await decide(next, subresource)).toBe(text);
    granted = new Set([`${verb === 'sign' ? 'approve' : 'sign'} ${signer}`]);
    expect(await decide(next, subresource)).toBe(text);
    granted = new Set([`${verb} example.com/other`, `${verb} *`]);
    expect(await decide(next, subresource)).toBe(text);
    granted = new Set([`${verb} ${signer}`]);
    expect(await decide(next, subresource)).toBeUndefined();
    granted = new Set([`${verb} example.com/*`]);
    expect(await decide(next, subresource)).toBeUndefined();
  });

  test('counts by the signer that is stored, not by the one that is sent', async () => {
    granted = new Set(['approve example.com/mine']);
    const moved = { ...approved, spec: { signerName: 'example.com/mine' } };
    expect(await decide(moved, 'approval')).toMatch(/signerName "example.com\/own"$/);
  });

  test('is none when the status says nothing new', async () => {
    expect(await decide(csr({}, { conditions: [] }), 'status')).toBeUndefined();
  });
});
