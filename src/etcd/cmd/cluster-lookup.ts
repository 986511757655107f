/** Asks the members that `--initial-cluster` names who is in the cluster. */
import { PeerDefinition } from '../../gen/raft.js';
import { delay } from '../../lib/clock.js';
import { createGrpcChannel } from '../../lib/grpc/index.js';
import type { ChannelTls } from '../../lib/grpc/index.js';
import type { TlsSource } from '../../lib/pki/tls-source.js';
import { targetOf } from '../../lib/member-url.js';
import { BootstrapError } from '../config.js';
import type { ClusterLookup, ExistingCluster } from '../member/bootstrap.js';
import type { ServerConfig } from '../config.js';

const retryMs = 200;
const attempts = 25;
const deadlineMs = 2000;
/** Etcd's bootstrap timeout. */
const onceDeadlineMs = 1000;

/** @param tls for connections to other members */
export function clusterLookup(
  config: ServerConfig,
  tls: TlsSource<ChannelTls> | undefined,
): ClusterLookup {
  const own = new Set(config.peerUrls);
  const urls = config.initialCluster
    .flatMap((member) => member.peerUrls)
    .filter((url) => !own.has(url));
  const ask = (url: string, waitMs: number): Promise<ExistingCluster | undefined> =>
    askMember(config, tls, url, waitMs);
  return {
    async patiently() {
      for (let attempt = 0; attempt < attempts; attempt++) {
        for (const url of urls) {
          const answer = await ask(url, deadlineMs);
          if (answer !== undefined) return answer;
        }
        await delay(config.clock, retryMs);
      }
      throw new BootstrapError('cannot fetch cluster info from peer urls: could not retrieve any');
    },
    async once() {
      const answers = await Promise.all(urls.map((url) => ask(url, onceDeadlineMs)));
      const known = answers.filter((answer) => answer !== undefined);
      // A member that has just begun itself knows nobody's client addresses: another one is preferred.
      return known.find(({ members }) => members.some((one) => one.clientURLs.length > 0));
    },
  };
}

/** @returns undefined when it does not answer in time or knows nobody */
async function askMember(
  { log, clock }: Pick<ServerConfig, 'log' | 'clock'>,
  tls: TlsSource<ChannelTls> | undefined,
  url: string,
  waitMs: number,
): Promise<ExistingCluster | undefined> {
  const channel = createGrpcChannel({
    target: targetOf(url),
    log,
    clock,
    connectTimeoutMs: waitMs,
    ...(tls === undefined ? {} : { tls }),
  });
  try {
    const answer = await channel.client(PeerDefinition).members({}, { deadlineMs: waitMs });
    return answer.members.length > 0 ? answer : undefined;
  } catch (error) {
    log.debug({ url, error }, 'a member of the cluster did not answer');
    return undefined;
  } finally {
    channel.close();
  }
}
