import { expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { parse } from 'yaml';
import { ManualClock } from '../../lib/clock.js';
import { pemBlocks } from '../../lib/pki/bundle.js';
import { createCertificateAuthority, issueCertificate } from '../../lib/pki/certificates.js';
import { formatKubeconfig } from '../kubeconfig.js';
import { rotatedKubeconfig } from './kubeconfig.js';

interface Read {
  readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
}

function short(text: string): { readonly believes: string[][]; readonly user: string } {
  const { clusters, users } = parse(text) as Read;
  const decode = (field: string | undefined): string =>
    Buffer.from(field ?? '', 'base64').toString();
  const { subject, issuer } = new X509Certificate(
    decode(users[0]?.user['client-certificate-data']),
  );
  return {
    believes: clusters.map(({ cluster }) =>
      pemBlocks(decode(cluster['certificate-authority-data'])).map(
        (pem) => new X509Certificate(pem).subject,
      ),
    ),
    user: `${subject.replace('\n', ',')} by ${issuer}`,
  };
}

test('it believes both, shows the new certificate, and then believes the new one alone', async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const make = (commonName: string) => createCertificateAuthority({ commonName, clock });
  const [old, young, foreign] = [await make('old'), await make('new'), await make('foreign')];
  const subject = { commonName: 'kubernetes-admin', organizations: ['system:masters'] };
  const admin = await issueCertificate({
    ca: old,
    subject: { ...subject, usages: ['client'] },
    clock,
  });
  const context = { name: 'a', server: 'https://a:1', grpc: ['a:2'] };
  const text = formatKubeconfig({ contexts: [context], user: 'u', ca: old.cert, ...admin });
  const keys = { 'ca.crt': young.cert, 'ca.key': young.key };
  const known = { oldAuthority: old.cert, clock };
  const user = 'O=system:masters,CN=kubernetes-admin by';
  const trusting = await rotatedKubeconfig(text, { step: 'trust', keys }, known);
  expect(short(trusting)).toEqual({ believes: [['CN=old', 'CN=new']], user: `${user} CN=old` });
  const using = await rotatedKubeconfig(trusting, { step: 'use', keys }, known);
  expect(short(using)).toEqual({ believes: [['CN=old', 'CN=new']], user: `${user} CN=new` });
  // Once is enough.
  expect(await rotatedKubeconfig(using, { step: 'use', keys }, known)).toBe(using);
  const alone = await rotatedKubeconfig(using, { step: 'drop', keys }, known);
  expect(short(alone)).toEqual({ believes: [['CN=new']], user: `${user} CN=new` });
  expect((parse(alone) as Read).clusters[0]?.cluster).toMatchObject({ server: 'https://a:1' });

  const other = { oldAuthority: foreign.cert, clock };
  expect(short(await rotatedKubeconfig(text, { step: 'drop', keys }, other))).toEqual(short(text));
  expect(await rotatedKubeconfig(text, { step: 'use', keys: {} }, known)).toBe(text);
});
