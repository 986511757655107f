/** What an agent and the netproxy of its node say to each other where they are two processes. */
import type { HeldPod, IsolatedPod } from '../types.js';

/** The socket, in netproxy's own directory, which its owner alone may enter. */
export const socketName = 'agent.sock';

/** `POST /isolate` is answered when the policies that select the pod are in force, with an {@link Answer}. */
export const isolatePath = '/isolate';

/** `POST /pods` tells which pods hold addresses and which no longer do. */
export const podsPath = '/pods';

/** A body of so many bytes tells of ten thousand pods. */
export const bodyBytesMax = 8 * 1024 * 1024;

/** What an agent tells of the addresses of its pods. */
export interface PodNews {
  /** Absent: nothing new. Else every pod that runs since an earlier agent. */
  readonly adopted?: readonly HeldPod[];
  /** Uids of pods whose addresses are free. */
  readonly forgotten: readonly string[];
}

/** Why what was asked for was not done; absent: it was. */
export interface Answer {
  readonly problem?: string;
}

/** @throws TypeError for what is no pod with its addresses */
export function readIsolated(value: unknown): IsolatedPod {
  const pod = readHeld(value);
  return { ...pod, labels: pod.labels ?? {} };
}

/** @throws TypeError for what is no news */
export function readNews(value: unknown): PodNews {
  const { adopted, forgotten } = asRecord(value);
  const news = { forgotten: asList(forgotten).map(asText) };
  return adopted === undefined ? news : { ...news, adopted: asList(adopted).map(readHeld) };
}

/** @throws TypeError for what is no pod with its addresses */
export function readHeld(value: unknown): HeldPod {
  const { podUid, namespace, name, labels, ips } = asRecord(value);
  const pod = {
    podUid: asText(podUid),
    namespace: asText(namespace),
    name: asText(name),
    ips: asList(ips).map(asText),
  };
  if (labels === undefined) return pod;
  const pairs = Object.entries(asRecord(labels)).map(([key, text]) => [key, asText(text)] as const);
  return { ...pod, labels: Object.fromEntries(pairs) };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('an object is missing');
  }
  return value as Readonly<Record<string, unknown>>;
}

function asList(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError('a list is missing');
  return value;
}

function asText(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('a text is missing');
  return value;
}
