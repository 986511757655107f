/**
 * `node dist/test/cluster/lib/small-log-member.js FLAGS…`: a member as `trireme etcd` runs it, with a raft log in small
 * segments that are soon given up: from then on it is the database alone that holds what was in them.
 */
import { parseFlags } from '../../../src/etcd/cmd/flags.js';
import { startMember } from '../../../src/etcd/cmd/member.js';
import { listenUrls, serverConfig } from '../../../src/etcd/cmd/options.js';
import { Flags } from '../../../src/etcd/cmd/typed-flags.js';
import { systemClock } from '../../../src/lib/clock.js';
import { createLogger } from '../../../src/lib/create-logger.js';

const flags = new Flags(parseFlags(process.argv.slice(2), {}));
const log = createLogger({ component: 'etcd', level: 'info', outputs: ['stderr'] });
const fail = (error: unknown): void => {
  log.error({ error }, 'the member cannot go on');
  process.exit(1);
};
const config = { ...serverConfig(flags, systemClock(), log), catchUpEntries: 10 };
const tls = { clientTls: undefined, peerTls: undefined, peerClientTls: undefined };
const listen = { ...listenUrls(flags), ...tls, clientCertAuth: false, jwt: undefined };
const parts = { machine: { walSegmentBytes: 64 * 1024 } };
await startMember(config, listen, fail, parts).catch(fail);
