/**
 * The exchange of a cluster's keys while it runs: what is new is believed everywhere first, then used, then everything
 * that the old keys have made is made anew, and then the old ones go. Pure: states, and what a master's key files are
 * in each.
 */
import { assertNever } from '../../lib/assert.js';
import { certificateOfKey, pemBlocks, withBlock } from '../../lib/pki/bundle.js';
import type { EncryptionKey } from '../../lib/pki/encryption-keys.js';
import {
  formatEncryptionKeys,
  isSameKey,
  parseEncryptionKeys,
  withReadable,
} from '../../lib/pki/encryption-keys.js';

/** The keys of a cluster by what they are for. */
export const rotationParts = [
  'ca',
  'etcd-ca',
  'front-proxy-ca',
  'service-account',
  'encryption',
] as const;

/** One of {@link rotationParts}. */
export type RotationPart = (typeof rotationParts)[number];

/** The steps that masters follow, in order. */
export const rotationSteps = ['trust', 'use', 'drop'] as const;

/** One of {@link rotationSteps}. */
export type RotationStep = (typeof rotationSteps)[number];

/** A rotation that has begun: what every master follows. */
export interface Rotation {
  /** Tells this rotation from others. */
  readonly id: string;
  readonly parts: readonly RotationPart[];
  readonly step: RotationStep;
  /** When the step began, in milliseconds of the wall clock. */
  readonly sinceMs: number;
  /** Everything that the old keys have made was made anew. */
  readonly rewritten: boolean;
  /** The new keys, by the name of their file among the cluster's files. */
  readonly keys: Readonly<Record<string, string>>;
}

/** The mark of a step, by which a master says that it has followed. */
export function stepMark({ id, step }: Pick<Rotation, 'id' | 'step'>): string {
  return `${id}/${step}`;
}

/** True for masters that have come as far as the step, or farther. */
export function hasFollowed(mark: string, { id, step }: Pick<Rotation, 'id' | 'step'>): boolean {
  const reached = rotationSteps.findIndex((one) => mark === stepMark({ id, step: one }));
  return reached >= rotationSteps.indexOf(step);
}

/** Content of key files by name. */
export type KeyFiles = Readonly<Record<string, string>>;

/**
 * Returns the files that the step changes, in the order in which they are written. Safe to repeat, and to begin at any
 * step: a master that was away catches up.
 * @param files as they are now
 */
export function filesAt({ step, parts, keys }: Rotation, files: KeyFiles): [string, string][] {
  const changed = parts.flatMap((part): [string, string][] => {
    switch (part) {
      case 'ca':
      case 'etcd-ca':
        return authorityFiles(part, { step, keys, files });
      // Each master's own: front-proxy-rotation.ts.
      case 'front-proxy-ca':
        return [];
      case 'service-account':
        return tokenFiles({ step, keys, files });
      case 'encryption':
        return encryptionFiles({ step, keys, files });
      default:
        return assertNever(part);
    }
  });
  return changed.filter(([name, content]) => files[name] !== content);
}

interface Input {
  readonly step: RotationStep;
  readonly keys: KeyFiles;
  readonly files: KeyFiles;
}

/** The key decides which of two authorities signs: one file changes at a time, and each state is whole. */
function authorityFiles(name: string, { step, keys, files }: Input): [string, string][] {
  const [crt, key] = [`${name}.crt`, `${name}.key`];
  const young = keys[crt] ?? '';
  const both = withBlock(files[crt] ?? '', young);
  if (step === 'trust') return [[crt, both]];
  const used: [string, string][] = [
    [crt, both],
    [key, keys[key] ?? ''],
  ];
  return step === 'use' ? used : [...used, [crt, pemBlocks(young).join('')]];
}

function tokenFiles({ step, keys, files }: Input): [string, string][] {
  const young = keys['sa.pub'] ?? '';
  const both = withBlock(files['sa.pub'] ?? '', young);
  if (step === 'trust') return [['sa.pub', both]];
  const used: [string, string][] = [
    ['sa.pub', both],
    ['sa.key', keys['sa.key'] ?? ''],
  ];
  return step === 'use' ? used : [...used, ['sa.pub', pemBlocks(young).join('')]];
}

function encryptionFiles({ step, keys, files }: Input): [string, string][] {
  const file = 'encryption.key';
  const read = (text: string | undefined): EncryptionKey[] =>
    parseEncryptionKeys(Buffer.from(text ?? ''));
  const young = read(keys[file]);
  const known = read(files[file]);
  const isYoung = (key: EncryptionKey): boolean => young.some((one) => isSameKey(one, key));
  const others = known.filter((key) => !isYoung(key));
  const wanted = {
    trust: known.some(isYoung) ? known : withReadable(known, young),
    use: [...young, ...others],
    drop: young,
  }[step];
  return [[file, formatEncryptionKeys(wanted)]];
}

/** Checks keys that somebody else made. @throws Error where a pair does not go together */
export function mustBeWhole({ parts, keys }: Pick<Rotation, 'parts' | 'keys'>): void {
  for (const part of parts) {
    if (part === 'ca' || part === 'etcd-ca') {
      certificateOfKey(keys[`${part}.crt`] ?? '', keys[`${part}.key`] ?? '');
    } else if (part === 'front-proxy-ca') {
      // Each master makes its own.
      continue;
    } else if (part === 'encryption') {
      parseEncryptionKeys(Buffer.from(keys['encryption.key'] ?? ''));
    } else if ([keys['sa.key'], keys['sa.pub']].some((pem) => pemBlocks(pem ?? '').length !== 1)) {
      throw new Error('the new service account key is not whole');
    }
  }
}
