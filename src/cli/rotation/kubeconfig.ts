/** A kubeconfig follows a rotation: what it believes, and what its user shows. Pure, but for the keys that are made. */
import { X509Certificate } from 'node:crypto';
import { parse, stringify } from 'yaml';
import type { Clock } from '../../lib/clock.js';
import { isSignedByOne, pemBlocks, withBlock } from '../../lib/pki/bundle.js';
import { issueCertificate } from '../../lib/pki/certificates.js';
import type { Rotation } from '../../master/cluster/rotation.js';

interface File {
  readonly 'current-context'?: string;
  readonly clusters?: readonly {
    readonly name?: string;
    readonly cluster?: Record<string, unknown>;
  }[];
  readonly contexts?: readonly {
    readonly name?: string;
    readonly context?: { readonly cluster?: string; readonly user?: string };
  }[];
  readonly users?: readonly { readonly name?: string; readonly user?: Record<string, unknown> }[];
}

const authorityField = 'certificate-authority-data';
const certificateField = 'client-certificate-data';
const keyField = 'client-key-data';

/**
 * Returns the field by which a context names its authority or certificate in another file; undefined where it holds
 * both itself.
 * @param name the context. @default the current one
 */
export function fileFieldOf(text: string, name: string | undefined): string | undefined {
  const file = (parse(text) ?? {}) as File;
  const wanted = name ?? file['current-context'];
  const context = file.contexts?.find((entry) => entry.name === wanted)?.context;
  const cluster = file.clusters?.find((entry) => entry.name === context?.cluster)?.cluster;
  const user = file.users?.find((entry) => entry.name === context?.user)?.user;
  const named = (entry: Record<string, unknown> | undefined, data: string): boolean =>
    entry?.[data] === undefined && entry?.[data.replace(/-data$/, '')] !== undefined;
  if (named(cluster, authorityField)) return 'certificate-authority';
  return named(user, certificateField) ? 'client-certificate' : undefined;
}

/**
 * Returns the text of a kubeconfig at a step of a rotation. Clusters that believe the old authority, and users that it
 * has signed, are this cluster's; all else in the file stays as it is.
 * @param oldAuthority PEM of what was believed before the rotation
 */
export async function rotatedKubeconfig(
  text: string,
  { step, keys }: Pick<Rotation, 'step' | 'keys'>,
  { oldAuthority, clock }: { readonly oldAuthority: string; readonly clock: Clock },
): Promise<string> {
  const young = { cert: keys['ca.crt'] ?? '', key: keys['ca.key'] ?? '' };
  if (young.cert === '') return text;
  const file = parse(text) as File;
  let isChanged = false;
  const ours = [...pemBlocks(oldAuthority), ...pemBlocks(young.cert)];
  for (const { cluster } of file.clusters ?? []) {
    const believed = decoded(cluster?.[authorityField]);
    if (cluster === undefined || !pemBlocks(believed).some((pem) => ours.includes(pem))) continue;
    const next = step === 'drop' ? pemBlocks(young.cert).join('') : withBlock(believed, young.cert);
    if (next === believed) continue;
    cluster[authorityField] = encoded(next);
    isChanged = true;
  }
  for (const { user } of step === 'trust' ? [] : (file.users ?? [])) {
    const certificate = decoded(user?.[certificateField]);
    if (user === undefined || certificate === '') continue;
    const shown = new X509Certificate(certificate);
    if (isSignedByOne(shown, young.cert) || !isSignedByOne(shown, oldAuthority)) continue;
    const made = await issueCertificate({ ca: young, subject: subjectOf(shown), clock });
    user[certificateField] = encoded(made.cert);
    user[keyField] = encoded(made.key);
    isChanged = true;
  }
  // What others wrote stays as they wrote it.
  return isChanged ? stringify(file) : text;
}

/** The same name and groups: `O=system:masters\nCN=kubernetes-admin`. */
function subjectOf({
  subject,
}: X509Certificate): Parameters<typeof issueCertificate>[0]['subject'] {
  const fields = subject.split('\n').map((line) => line.split('=', 2) as [string, string]);
  const of = (name: string): string[] =>
    fields.filter(([field]) => field === name).map(([, value]) => value);
  return { commonName: of('CN')[0] ?? '', organizations: of('O'), usages: ['client'] };
}

function decoded(field: unknown): string {
  return typeof field === 'string' ? Buffer.from(field, 'base64').toString() : '';
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64');
}
