/** `trireme etcd gateway start`: a plain TCP proxy in front of a cluster, with the flags of `etcd gateway start`. */
import { UsageError } from '../../lib/usage-error.js';
import { lookup } from 'node:dns/promises';
import { systemClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/create-logger.js';
import type { Logger } from '../../lib/log.js';
import { parseDurationMs } from '../../lib/go-duration.js';
import { TcpProxy } from './tcp-proxy.js';
import type { Endpoint } from './tcp-proxy.js';

const usage = `Usage: trireme etcd gateway start [flags]

  --endpoints     comma-separated client addresses of the members (default 127.0.0.1:2379)
  --listen-addr   where to listen (default 127.0.0.1:23790)
  --retry-delay   how often endpoints that failed are tried again (default 1m0s)
`;

/** Etcd's, for which there is nothing here, with the values that ask for nothing. */
const refused: ReadonlyMap<string, string> = new Map([
  ['discovery-srv', ''],
  ['discovery-srv-name', ''],
  ['insecure-discovery', 'false'],
  ['trusted-ca-file', ''],
]);

/** The options of `etcd gateway start`, parsed. */
export interface GatewayOptions {
  readonly listenAt: Endpoint;
  readonly endpoints: readonly Endpoint[];
  readonly retryMs: number;
}

/**
 * Reads the words after `gateway`. @returns undefined when they ask for help
 * @throws UsageError
 */
export function gatewayOptions(argv: readonly string[]): GatewayOptions | undefined {
  const flags = new Map([
    ['listen-addr', '127.0.0.1:23790'],
    ['endpoints', '127.0.0.1:2379'],
    ['retry-delay', '1m'],
  ]);
  let command: string | undefined;
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    const [, name, given] = /^--?([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (name === undefined) {
      if (command !== undefined || word !== 'start') throw unknownCommand(word);
      command = word;
      continue;
    }
    if (name === 'help' || name === 'h') return undefined;
    if (!flags.has(name) && !refused.has(name)) throw new UsageError(`unknown flag: --${name}`);
    const value = given ?? (name === 'insecure-discovery' ? 'true' : argv[++at]);
    if (value === undefined) throw new UsageError(`flag needs an argument: --${name}`);
    if (refused.has(name) && value !== refused.get(name)) {
      throw new UsageError(`flag --${name}=${value} is not supported`);
    }
    flags.set(name, value);
  }
  if (command === undefined) return undefined;
  const retryMs = parseDurationMs(flags.get('retry-delay') ?? '');
  if (retryMs === undefined || retryMs <= 0) {
    throw new UsageError(`invalid argument "${flags.get('retry-delay')}" for "--retry-delay" flag`);
  }
  return {
    listenAt: endpointOf(flags.get('listen-addr') ?? '', 'failed to validate listen address: '),
    endpoints: (flags.get('endpoints') ?? '')
      .split(',')
      .map((one) => endpointOf(one.trim(), 'error parsing endpoint ')),
    retryMs,
  };
}

function unknownCommand(word: string): UsageError {
  return new UsageError(`unknown command "${word}" for "etcd gateway"`);
}

/** `host:port`, with or without a scheme before it. @throws UsageError */
function endpointOf(text: string, complaint: string): Endpoint {
  const bare = text.replace(/^\w+:\/\//, '').replace(/\/$/, '');
  const match = /^(?:\[([\da-fA-F:.%\w]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(bare);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw new UsageError(`${complaint}"${text}"`);
  return { host: match[1] ?? match[2] ?? '', port };
}

/** A gateway that passes connections on to itself would do so for ever. @throws UsageError */
async function checkLoop({ listenAt, endpoints }: GatewayOptions): Promise<void> {
  const addressesOf = async (host: string, what: string): Promise<string[]> => {
    try {
      return (await lookup(host, { all: true })).map(({ address }) => address);
    } catch {
      throw new UsageError(`failed to resolve ${what} host: ${host}`);
    }
  };
  const own = listenAt.host === '' ? [] : await addressesOf(listenAt.host, 'listen');
  for (const { host, port } of endpoints) {
    const theirs = await addressesOf(host, 'endpoint');
    const same = port === listenAt.port ? theirs.find((one) => own.includes(one)) : undefined;
    if (same !== undefined) {
      throw new UsageError(
        `the endpoint ${host}:${port} (${same}) should not resolve to the gateway's own address`,
      );
    }
  }
}

/**
 * Runs a gateway until SIGTERM or SIGINT.
 * @param argv the words after `gateway`
 * @returns the exit code: 0 after a stop, 1 failed, 2 bad usage
 */
export async function runGatewayCommand(argv: readonly string[]): Promise<number> {
  const log = createLogger({ component: 'etcd-gateway', level: 'info', outputs: ['stderr'] });
  try {
    const options = gatewayOptions(argv);
    if (options === undefined) {
      process.stdout.write(usage);
      return 0;
    }
    await checkLoop(options);
    return await serve(options, log);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n`);
      return 2;
    }
    log.error({ error }, 'the gateway could not start');
    return 1;
  }
}

async function serve(options: GatewayOptions, log: Logger): Promise<number> {
  const { endpoints, retryMs, listenAt } = options;
  const proxy = new TcpProxy({ endpoints, retryMs, clock: systemClock(), log });
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  try {
    await proxy.listen(listenAt);
    await stopped;
    return 0;
  } finally {
    process.removeListener('SIGTERM', stop);
    process.removeListener('SIGINT', stop);
    await proxy.close();
  }
}
