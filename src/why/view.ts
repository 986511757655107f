/**
 * The objects that an answer is made from. The core asks for what it needs and goes on without it; the shell then
 * brings what was missing and asks again, until nothing is. So only what matters is read, and the core stays pure.
 */
import type { KubeObject } from '../api/object.js';
import { controllerOf } from '../api/object.js';
import type { Event } from '../api/types/core.js';

/** A list, or one object, that is wanted. */
export interface Want {
  /** As users name it: `replicasets`. */
  readonly type: string;
  /** Undefined: everywhere, or a resource without namespaces. */
  readonly namespace: string | undefined;
  /** Undefined: all of them. */
  readonly name: string | undefined;
}

/** The answer to a {@link Want}: undefined when we may not read it. */
export type Answer = readonly KubeObject[] | undefined;

/** The key of a want among the answers. */
export function wantKey({ type, namespace = '', name = '*' }: Want): string {
  return `${type} ${namespace} ${name}`;
}

/** What is known of the cluster, and what is wanted. */
export class ClusterView {
  /** What was asked for and is not there yet. */
  readonly wanted = new Map<string, Want>();
  /** Resources that we may not read, and that mattered. */
  readonly hidden = new Set<string>();
  readonly nowMs: number;
  /** The namespace of commands that name none. */
  readonly namespace: string;
  readonly #answers: ReadonlyMap<string, Answer>;

  constructor(options: {
    readonly answers: ReadonlyMap<string, Answer>;
    readonly nowMs: number;
    readonly namespace: string;
  }) {
    this.#answers = options.answers;
    this.nowMs = options.nowMs;
    this.namespace = options.namespace;
  }

  /** All of a type; none while it is not known. */
  list<T extends KubeObject>(type: string, namespace?: string): readonly T[] {
    return (this.#ask({ type, namespace, name: undefined }) ?? []) as readonly T[];
  }

  /** One object; null when it does not exist, undefined when that is not known. */
  get<T extends KubeObject>(
    type: string,
    namespace: string | undefined,
    name: string,
  ): T | null | undefined {
    const answer = this.#ask({ type, namespace, name });
    return answer === undefined ? undefined : ((answer[0] ?? null) as T | null);
  }

  /** True when the list has been read. */
  knows(type: string, namespace?: string): boolean {
    return this.#answers.get(wantKey({ type, namespace, name: undefined })) !== undefined;
  }

  #ask(want: Want): Answer {
    const key = wantKey(want);
    if (!this.#answers.has(key)) {
      this.wanted.set(key, want);
      return undefined;
    }
    const answer = this.#answers.get(key);
    if (answer === undefined) this.hidden.add(want.type);
    return answer;
  }

  /** The events of an object, the latest first. */
  events({ kind, metadata }: KubeObject): Event[] {
    return this.list<Event>('events', metadata.namespace ?? 'default')
      .filter(
        ({ involvedObject }) =>
          involvedObject?.kind === kind &&
          involvedObject?.name === metadata.name &&
          // A kubelet names its node by its name instead of its uid.
          (kind === 'Node' || (involvedObject?.uid ?? metadata.uid) === metadata.uid),
      )
      .toSorted((a, b) => (eventTime(a) < eventTime(b) ? 1 : -1));
  }

  /** The latest event of an object with one of these reasons. */
  lastEvent(object: KubeObject, ...reasons: readonly string[]): Event | undefined {
    return this.events(object).find(({ reason = '' }) => reasons.includes(reason));
  }

  /** The objects of a type that an object controls. */
  controlled<T extends KubeObject>(type: string, owner: KubeObject): T[] {
    return this.list<T>(type, owner.metadata.namespace).filter(
      (object) => controllerOf(object)?.uid === owner.metadata.uid,
    );
  }

  /** ` -n NAMESPACE` where a command needs it. */
  flag(namespace: string | undefined): string {
    return namespace === undefined || namespace === this.namespace ? '' : ` -n ${namespace}`;
  }
}

/** When an event was last seen. */
export function eventTime(event: Event): string {
  return (
    event.series?.lastObservedTime ??
    event.lastTimestamp ??
    event.eventTime ??
    event.metadata.creationTimestamp ??
    ''
  );
}

/** `pod/web-0`. */
export function nameOf({ kind = '', metadata }: KubeObject): string {
  return `${kind.toLowerCase()}/${metadata.name}`;
}
