/** `--compat`, and what etcd 3.6 made of experimental flags: feature gates, and flags without the word. */
import { UsageError } from '../../lib/usage-error.js';
import { compats } from '../compat.js';
import type { Compat } from '../compat.js';
import { compatDefault } from '../config.js';
import type { FlagName } from './flags.js';
import type { Flags } from './typed-flags.js';

/** The features of etcd 3.6, each with the flag that it was before. */
const features = {
  StopGRPCServiceOnDefrag: 'experimental-stop-grpc-service-on-defrag',
  InitialCorruptCheck: 'experimental-initial-corrupt-check',
  CompactHashCheck: 'experimental-compact-hash-check-enabled',
  TxnModeWriteWithSharedBuffer: 'experimental-txn-mode-write-with-shared-buffer',
  LeaseCheckpoint: 'experimental-enable-lease-checkpoint',
  LeaseCheckpointPersist: 'experimental-enable-lease-checkpoint-persist',
  SetMemberLocalAddr: undefined,
} as const satisfies Readonly<Record<string, FlagName | undefined>>;

/** The name of a feature. */
export type Feature = keyof typeof features;

/** Features that change something here. */
const provided: readonly Feature[] = ['InitialCorruptCheck', 'CompactHashCheck'];
/** On where nobody says otherwise; all others are of the alpha stage, and off. */
const betaFeature: Feature = 'TxnModeWriteWithSharedBuffer';
const groups = ['AllAlpha', 'AllBeta'] as const;

function isFeature(name: string): name is Feature {
  return Object.hasOwn(features, name);
}

/** Flags that 3.6 no longer has. */
const removedIn36: readonly FlagName[] = [
  'enable-v2',
  'proxy',
  'proxy-failure-wait',
  'proxy-refresh-interval',
  'proxy-dial-timeout',
  'proxy-write-timeout',
  'proxy-read-timeout',
  'experimental-wait-cluster-ready-timeout',
];

/** @throws UsageError for another etcd than 3.5 or 3.6, and for a flag that the 3.6 asked for does not have */
export function compatOf(flags: Flags): Compat {
  const asked = flags.text('compat', compatDefault);
  const compat = compats.find((one) => one === asked);
  if (compat === undefined) throw new UsageError(`invalid value "${asked}" for flag -compat`);
  const removed = removedIn36.find((name) => flags.has(name));
  if (compat === '3.6' && removed !== undefined) {
    throw new UsageError(`flag provided but not defined: -${removed}`);
  }
  return compat;
}

/** What `--feature-gates` says, and the older flags. @throws UsageError in etcd's words */
export class FeatureGates {
  readonly #flags: Flags;
  readonly #given = new Map<string, boolean>();

  constructor(flags: Flags) {
    this.#flags = flags;
    for (const part of flags.text('feature-gates').split(',')) {
      if (part === '') continue;
      const at = part.indexOf('=');
      const name = (at < 0 ? part : part.slice(0, at)).trim();
      if (at < 0) refuse(`missing bool value for ${name}`);
      this.#given.set(name, readBoolean(name, part.slice(at + 1).trim()));
    }
    for (const name of this.#given.keys()) {
      if (!isFeature(name) && !groups.some((group) => group === name)) {
        refuse(`unrecognized feature gate: ${name}`);
      }
    }
    for (const [name, flag] of Object.entries(features)) {
      if (flag === undefined || !flags.has(flag) || !this.#given.has(name)) continue;
      const gate = `--feature-gates=${name}=${String(this.#given.get(name))}`;
      throw new UsageError(
        `cannot specify both flags: --${flag}=${String(flags.boolean(flag))} and ${gate} at the same time, please ` +
          `just use ${gate}`,
      );
    }
  }

  isOn(feature: Feature): boolean {
    const flag = features[feature];
    const given = this.#given.get(feature);
    if (given !== undefined) return given;
    if (flag !== undefined && this.#flags.has(flag)) return this.#flags.boolean(flag);
    const isBeta = feature === betaFeature;
    return this.#given.get(isBeta ? 'AllBeta' : 'AllAlpha') ?? isBeta;
  }

  /** Features that were given and change nothing, for the log. */
  get withoutEffect(): string[] {
    const known: readonly string[] = provided;
    return [...this.#given.keys()].filter((name) => isFeature(name) && !known.includes(name));
  }
}

function readBoolean(name: string, text: string): boolean {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  return refuse(
    `invalid value of ${name}=${text}, err: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

function refuse(problem: string): never {
  throw new UsageError(`invalid value for flag -feature-gates: ${problem}`);
}
