import { resources } from '../../client/resources.js';
import type { Node } from '../../api/types/core.js';
import { findCondition } from '../../api/facts/conditions.js';
import { netproxyAnnotation, readNetproxyState } from '../../api/facts/node-network.js';
import { join } from 'node:path';
import type { ApiClient } from '../../client/index.js';
import type { ClusterStatus } from '../../gen/cluster.js';
import { ClusterDefinition } from '../../gen/cluster.js';
import { connect } from '../connection.js';
import { lostQuorum } from '../quorum.js';

/** The new cluster, as its administrator. */
export interface AdminConnection {
  readonly api: ApiClient;
  status(): Promise<ClusterStatus>;
  createToken(): Promise<string>;
  close(): void;
}

/** A token lives so long: enough for all hosts to start. */
const tokenTtlSeconds = 3600;

/** @param context one master's, or all of them */
export async function connectToCluster(
  home: string,
  context = 'trireme',
): Promise<AdminConnection> {
  const connection = await connect({ kubeconfig: join(home, 'kubeconfig'), context });
  const call = { deadlineMs: 2000 };
  return {
    api: connection.api,
    status: () => connection.call((channel) => channel.client(ClusterDefinition).status({}, call)),
    createToken: async () => {
      const request = { ttlSeconds: tokenTtlSeconds, usages: ['worker', 'master'] };
      const answer = await connection.call((channel) =>
        channel.client(ClusterDefinition).createToken(request, call),
      );
      return answer.token;
    },
    close: () => connection.close(),
  };
}

/**
 * Adds to a failure what the masters that answer know: a lost quorum, and the command of a survivor that ends it.
 * @param recover that command, for a master by its name
 */
export async function explained(
  error: unknown,
  admin: AdminConnection,
  recover: (name: string) => string,
): Promise<unknown> {
  try {
    const status = await admin.status();
    const left = status.members.find((member) => member.reachable && !member.learner);
    const trouble = lostQuorum(status, recover(left?.name ?? ''));
    return trouble === undefined ? error : new Error(trouble, { cause: error });
  } catch {
    return error;
  }
}

/** A join token; rejects while the API does not answer. */
export function requestToken(admin: AdminConnection): Promise<string> {
  return admin.createToken();
}

/** True when so many masters are members of the store, answer and vote; undefined until then. */
export async function mastersVote(
  admin: AdminConnection,
  count: number,
): Promise<true | undefined> {
  const { members } = await admin.status();
  const voting = members.filter((member) => member.reachable && !member.learner);
  return members.length >= count && voting.length === members.length ? true : undefined;
}

/**
 * True when at least `count` nodes are registered and all of them are Ready; undefined until then. A node stays Ready
 * while its worker is down for a short time: one that was started again must have said since that it is.
 * @param started when a worker was started, by its name
 */
export async function nodesReady(
  admin: AdminConnection,
  count: number,
  started: ReadonlyMap<string, number> = new Map(),
): Promise<true | undefined> {
  const { items } = await admin.api.list<Node>(resources.nodes, { deadlineMs: 2000 });
  const isReady = ({ metadata, status }: Node): boolean => {
    const ready = findCondition(status?.conditions, 'Ready');
    if (ready?.status !== 'True') return false;
    const startedMs = started.get(metadata.name);
    // Heartbeats have whole seconds.
    return (
      startedMs === undefined ||
      Date.parse(ready.lastHeartbeatTime ?? '') >= Math.floor(startedMs / 1000) * 1000
    );
  };
  return items.length >= count && items.every(isReady) ? true : undefined;
}

/**
 * True when Services work on each node of a worker that was started: its netproxy has them in its rules. Of a worker
 * that says nothing of its netproxy, nothing is expected.
 * @throws Error where one has them not, with the node's name and what it says
 */
export async function networksServe(
  admin: AdminConnection,
  started: ReadonlyMap<string, number>,
): Promise<true> {
  const { items } = await admin.api.list<Node>(resources.nodes, { deadlineMs: 2000 });
  for (const { metadata } of items) {
    const told = readNetproxyState(metadata.annotations?.[netproxyAnnotation]);
    if (started.has(metadata.name) && (told?.state === 'starting' || told?.state === 'silent')) {
      throw new Error(`the netproxy of ${metadata.name} is ${told.state}`);
    }
  }
  return true;
}
