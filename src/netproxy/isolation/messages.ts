/** What an agent and the netproxy of its node say to each other where they are two processes. */
import type { LogLevel } from '../../lib/log.js';
import { isLogLevel } from '../../lib/log.js';
import { netproxyStates } from '../../api/facts/node-network.js';
import type { NetproxyState } from '../../api/facts/node-network.js';
import type { HeldPod, IsolatedPod } from '../types.js';

/** The socket, in netproxy's own directory, which its owner alone may enter. */
export const socketName = 'agent.sock';

/** `POST /isolate` is answered when the policies that select the pod are in force, with an {@link Answer}. */
export const isolatePath = '/isolate';

/** `POST /news` tells which pods hold addresses and which no longer do, and how much the log is to say. */
export const newsPath = '/news';

/** `POST /state` is answered with a {@link NetproxyState}; a netproxy of an earlier build knows no such path. */
export const statePath = '/state';

/** A body of so many bytes tells of ten thousand pods. */
export const bodyBytesMax = 8 * 1024 * 1024;

/** What an agent tells without being asked. */
export interface AgentNews {
  /** Absent: nothing new. Else every pod that runs since an earlier agent. */
  readonly adopted?: readonly HeldPod[];
  /** Uids of pods whose addresses are free. */
  readonly forgotten: readonly string[];
  /** Absent: nothing new. null: the level that the log began with. */
  readonly logLevel?: LogLevel | null;
}

/** Why what was asked for was not done; absent: it was. */
export interface Answer {
  readonly problem?: string;
}

/** @throws TypeError for what is no state */
export function readState(value: unknown): NetproxyState {
  const { state, mode, build } = asRecord(value);
  const known = netproxyStates.find((one) => one === state);
  if (known === undefined) throw new TypeError('a state is missing');
  return { state: known, mode: asText(mode), build: asText(build) };
}

/** @throws TypeError for what is no pod with its addresses */
export function readIsolated(value: unknown): IsolatedPod {
  const pod = readHeld(value);
  return { ...pod, labels: pod.labels ?? {} };
}

/** @throws TypeError for what is no news */
export function readNews(value: unknown): AgentNews {
  const { adopted, forgotten, logLevel } = asRecord(value);
  return {
    forgotten: asList(forgotten).map(asText),
    ...(adopted === undefined ? {} : { adopted: asList(adopted).map(readHeld) }),
    ...(logLevel === undefined ? {} : { logLevel: asLevel(logLevel) }),
  };
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

function asLevel(value: unknown): LogLevel | null {
  if (value === null) return null;
  const text = asText(value);
  if (!isLogLevel(text)) throw new TypeError('a level of the log is missing');
  return text;
}

function asText(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('a text is missing');
  return value;
}
