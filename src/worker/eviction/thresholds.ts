/**
 * When a node evicts pods: the thresholds of kubelet's `--eviction-…` flags, with its signals, defaults and words.
 * Pure.
 * @see kubelet eviction/helpers.go, `ParseThresholdConfig`
 */
import type { Quantity } from '../../api/quantity.js';
import { parseQuantity, quantityError, quantityOf } from '../../api/quantity.js';
import { parseDurationMs } from '../../lib/go-duration.js';
import { UsageError } from '../../lib/usage-error.js';

/** What is watched. */
export const signals = [
  'memory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'pid.available',
] as const;

/** One of them. */
export type Signal = (typeof signals)[number];

/** An amount, or a share of the capacity from 0 to 1. */
export type ThresholdValue = { readonly quantity: Quantity } | { readonly share: number };

/** Below which value of a signal pods are evicted. */
export interface Threshold {
  readonly signal: Signal;
  readonly value: ThresholdValue;
  /** For so long it must be met. 0: a hard one. */
  readonly graceMs: number;
  /** So much more than the threshold has to be there before it counts as met no longer. */
  readonly minReclaim?: ThresholdValue;
}

/** The settings of eviction, as flags give them. */
export interface EvictionSettings {
  readonly thresholds: readonly Threshold[];
  /** A condition stays for so long after it was last met. */
  readonly transitionMs: number;
  /** The most that a pod which a soft threshold evicts gets to end. */
  readonly podGraceSecondsMax: number;
}

/** The flags as texts. */
export interface EvictionFlags {
  readonly evictionHard: string;
  readonly evictionSoft: string;
  readonly evictionSoftGracePeriod: string;
  readonly evictionMinimumReclaim: string;
  readonly evictionPressureTransitionPeriod: string;
  readonly evictionMaxPodGracePeriod: string;
}

/** kubelet's own. */
export const defaultEvictionFlags: EvictionFlags = {
  evictionHard:
    'memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%',
  evictionSoft: '',
  evictionSoftGracePeriod: '',
  evictionMinimumReclaim: '',
  evictionPressureTransitionPeriod: '5m0s',
  evictionMaxPodGracePeriod: '0',
};

/** @throws UsageError with kubelet's words */
export function readEvictionFlags(flags: EvictionFlags): EvictionSettings {
  const grace = pairs('--eviction-soft-grace-period', flags.evictionSoftGracePeriod, '=');
  const reclaim = pairs('--eviction-minimum-reclaim', flags.evictionMinimumReclaim, '=');
  const graceOf = (signal: Signal): number => {
    const text = grace.get(signal);
    if (text !== undefined) return readDuration('--eviction-soft-grace-period', text);
    throw new UsageError(
      `grace period must be specified for the soft eviction threshold ${signal}`,
    );
  };
  const hard = statements('--eviction-hard', flags.evictionHard, () => 0);
  const soft = statements('--eviction-soft', flags.evictionSoft, graceOf);
  return {
    thresholds: [...hard, ...soft].map((threshold) => {
      const text = reclaim.get(threshold.signal);
      if (text === undefined) return threshold;
      return { ...threshold, minReclaim: readValue('--eviction-minimum-reclaim', text) };
    }),
    transitionMs: readDuration(
      '--eviction-pressure-transition-period',
      flags.evictionPressureTransitionPeriod,
    ),
    podGraceSecondsMax: readSeconds(flags.evictionMaxPodGracePeriod),
  };
}

/** The amount that a value means. */
export function amountOfValue(value: ThresholdValue, capacity: Quantity): Quantity {
  if ('quantity' in value) return value.quantity;
  return quantityOf(Math.floor(capacity.value() * value.share), capacity.format);
}

function statements(flag: string, text: string, grace: (signal: Signal) => number): Threshold[] {
  return [...pairs(flag, text, '<')].flatMap(([signal, words]) => {
    // As kubelet, which takes these for "never".
    if (words === '0%' || words === '100%') return [];
    const value = readValue(flag, words);
    if ('quantity' in value && value.quantity.sign() <= 0) {
      throw new UsageError(`${flag}: eviction threshold ${signal} must be positive: ${words}`);
    }
    return [{ signal, value, graceMs: grace(signal) }];
  });
}

function pairs(flag: string, text: string, between: '<' | '='): Map<Signal, string> {
  const found = new Map<Signal, string>();
  for (const pair of text.split(',').filter((part) => part.trim() !== '')) {
    const at = pair.indexOf(between);
    if (at === -1) throw new UsageError(`${flag}: malformed pair, expect string${between}string`);
    const name = pair.slice(0, at).trim();
    const signal = signals.find((known) => known === name);
    if (signal === undefined) throw new UsageError(`${flag}: unsupported eviction signal ${name}`);
    found.set(signal, pair.slice(at + 1).trim());
  }
  return found;
}

function readValue(flag: string, text: string): ThresholdValue {
  if (text.endsWith('%')) {
    const share = Number(text.slice(0, -1)) / 100;
    if (share >= 0 && share <= 1) return { share };
    throw new UsageError(`${flag}: ${text} is not a share from 0% to 100%`);
  }
  const quantity = parseQuantity(text);
  if (quantity !== undefined && quantity.sign() >= 0) return { quantity };
  throw new UsageError(`${flag}: ${text}: ${quantityError}`);
}

function readDuration(flag: string, text: string): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms >= 0) return ms;
  throw new UsageError(`${flag}: "${text}" is not a duration such as 1m30s`);
}

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (text !== '' && Number.isInteger(seconds) && seconds >= 0) return seconds;
  throw new UsageError(`--eviction-max-pod-grace-period: "${text}" is not a number of seconds`);
}
