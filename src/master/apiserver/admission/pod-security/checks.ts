/** The type of a check, and the words that the checks share. */
import type { Container, PodSpec } from '../../../../api/types/core.js';

/** The subject of a check: a pod, or the template of one. */
export interface Subject {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
  /** The feature UserNamespacesPodSecurityStandards: pods with a user namespace of their own may do more. */
  readonly relaxesForUserNamespaces: boolean;
}

/** Why a pod is not allowed. `detail` names what in this very pod is wrong. */
export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

/** @returns undefined when the pod is allowed */
export type CheckPod = (subject: Subject) => Violation | undefined;

/** A check as it is from a minor version of Kubernetes 1 on, until its next version. */
export interface CheckVersion {
  readonly since: number;
  readonly check: CheckPod;
}

/** One rule of the Pod Security Standards, with the versions of it. */
export interface Check {
  /** Fixes the order of the messages. */
  readonly id: string;
  /** Oldest first. */
  readonly versions: readonly CheckVersion[];
  /** Checks of the baseline that this one stands in for. */
  readonly overrides?: string;
}

/** All containers in the order in which messages name them. */
export function containersOf({ spec }: Subject): Container[] {
  return [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
}

/** Names of the containers of which `test` is true. */
export function namesWhere(subject: Subject, test: (container: Container) => boolean): string[] {
  return containersOf(subject)
    .filter(test)
    .map(({ name }) => name);
}

/** `"a", "b"`. */
export function quoted(items: readonly string[]): string {
  return items.length === 0 ? '' : `"${items.join('", "')}"`;
}

/** `one`, or `many` when there are several. */
export function plural(one: string, count: number, many = `${one}s`): string {
  return count === 1 ? one : many;
}

/** `container "a"`, `containers "a", "b"`. */
export function containersNamed(names: readonly string[]): string {
  return `${plural('container', names.length)} ${quoted(names)}`;
}

/** `pod and containers "a", "b"`: who has set something. */
export function setters(pod: boolean, containers: readonly string[]): string[] {
  return [...(pod ? ['pod'] : []), ...(containers.length > 0 ? [containersNamed(containers)] : [])];
}

/** Each item once, in order. */
export function sorted(items: Iterable<string>): string[] {
  return [...new Set(items)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** True where the pod has a user namespace of its own and the checks heed that. */
export function isRelaxed({ relaxesForUserNamespaces, spec }: Subject): boolean {
  return relaxesForUserNamespaces && spec.hostUsers === false;
}

/** From 1.25 on, Windows pods need not set what Windows does not know. */
export function exceptWindows(check: CheckPod): CheckPod {
  return (subject) => (subject.spec.os?.name === 'windows' ? undefined : check(subject));
}
