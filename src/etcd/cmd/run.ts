/** `trireme etcd`: a drop-in for the `etcd` program. */
import { UsageError } from '../../lib/usage-error.js';
import { setFlagsFromString } from 'node:v8';
import { isMainThread } from 'node:worker_threads';
import { systemClock } from '../../lib/clock.js';
import { DirectoryInUseError } from '../../lib/files/directory-lock.js';
import { createLogger } from '../../lib/log.js';
import type { Logger, LogLevel } from '../../lib/log.js';
import { BootstrapError, MemberRemovedError } from '../config.js';
import { clusterVersion, serverVersion } from '../config.js';
import { flagNames, parseFlags } from './flags.js';
import { flagsWithoutEffect, refuseUnsupported } from './flag-support.js';
import { startMember } from './member.js';
import type { MemberParts, RunningMember } from './member.js';
import { errorCode } from '../wal/node-disk.js';
import { loadJwt } from './jwt.js';
import { Flags, listenUrls, serverConfig } from './options.js';
import { followTls } from './member-tls.js';
import type { MemberTls } from './member-tls.js';

const exitUsage = 2;
const exitFailed = 1;
/** To the supervisor of a master's threads: a start that found no room on its disk may find some later. */
const exitTryLater = 75;

function usage(): string {
  const lines = flagNames().map((name) => `  --${name}`);
  return `Usage: trireme etcd [flags]\n       trireme etcd snapshot restore|status FILE [flags]\n       trireme etcd gateway start [flags]\n\nThe flags are etcd's own, and --backup-…:\n${lines.join('\n')}\n`;
}

/**
 * Runs a member until SIGTERM or SIGINT, or until it cannot go on.
 * @param argv the words after `etcd`; `snapshot …` works on files instead, `gateway …` passes connections on
 * @param parts in place of the usual ones
 * @returns the exit code: 0 after a clean stop or for a removed member, 1 failed, 2 bad usage
 */
export async function runEtcdCommand(
  argv: readonly string[],
  parts: MemberParts = {},
): Promise<number> {
  if (argv[0] === 'snapshot') {
    // Loaded on demand, with bbolt's format and tables: members start without.
    return (await import('./snapshot.js')).runSnapshotCommand(argv.slice(1));
  }
  if (argv[0] === 'gateway') return (await import('./gateway.js')).runGatewayCommand(argv.slice(1));
  if (argv[0] === 'grpc-proxy') {
    process.stderr.write('etcd grpc-proxy is not supported: see trireme etcd gateway start\n');
    return exitUsage;
  }
  let flags: Flags;
  try {
    flags = new Flags(parseFlags(argv, process.env));
    refuseUnsupported(flags);
    logOutputs(flags);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return exitUsage;
  }
  if (flags.boolean('help')) {
    process.stdout.write(usage());
    return 0;
  }
  if (flags.boolean('version')) {
    process.stdout.write(`etcd Version: ${serverVersion}\nCluster Version: ${clusterVersion}\n`);
    return 0;
  }
  return serve(flags, parts);
}

function logLevel(flags: Flags): LogLevel {
  switch (flags.text('log-level', 'info')) {
    case 'debug':
      return 'debug';
    case 'warn':
      return 'warn';
    case 'error':
    case 'dpanic':
    case 'panic':
    case 'fatal':
      return 'error';
    default:
      return 'info';
  }
}

/** @throws UsageError as etcd does for `default` among others */
function logOutputs(flags: Flags): string[] {
  const outputs = flags
    .text('log-outputs', 'default')
    .split(',')
    .map((one) => one.trim());
  if (outputs.length > 1 && outputs.includes('default')) {
    throw new UsageError('multi logoutput for "default" is not supported yet');
  }
  return outputs.map((one) => (one === 'default' || one === '' ? 'stderr' : one));
}

/** The old space may grow to so much above what was alive in it before it is collected, percent. */
const heapGrowthPercent = 100;

/**
 * V8 lets a young process gather some 80 MB of garbage, buffers that it refers to included, before it looks for any:
 * more than a store of 100,000 keys holds. Only where the store has the process to itself.
 */
function collectEarly(): void {
  if (isMainThread) setFlagsFromString(`--heap-growing-percent=${heapGrowthPercent}`);
}

async function serve(flags: Flags, parts: MemberParts): Promise<number> {
  collectEarly();
  // Data, backups: nobody else on the machine reads them. A thread has its process' mask.
  if (isMainThread) process.umask(0o077);
  const clock = systemClock();
  const log = createLogger({
    component: 'etcd',
    level: logLevel(flags),
    outputs: logOutputs(flags),
  });
  let stop: (code: number) => void = () => undefined;
  const stopped = new Promise<number>((resolve) => {
    stop = resolve;
  });
  const onSignal = (): void => stop(0);
  let tls: MemberTls | undefined;
  try {
    const config = serverConfig(flags, clock, log);
    if (flags.text('metrics') === 'extensive') config.telemetry.grpc.measureTime();
    const ignored = flagsWithoutEffect(flags);
    if (ignored.length > 0) log.warn({ flags: ignored }, 'flags that have no effect here');
    tls = await followTls(flags, config, { log, registry: config.telemetry.registry });
    const listen = { ...listenUrls(flags), ...tls, jwt: loadJwt(config) };
    process.once('SIGTERM', onSignal);
    process.once('SIGINT', onSignal);
    const onFatal = (error: unknown): void => {
      if (error instanceof MemberRemovedError) {
        log.warn({ dataDir: config.dataDir }, `${error.message}: its data must be removed`);
        stop(0);
        return;
      }
      log.error({ error }, 'the member cannot go on');
      stop(exitFailed);
    };
    const member = await startMember(config, listen, onFatal, parts);
    void member.ready.then(() => {
      log.info(
        { name: config.name, clientUrls: listen.clientUrls, version: serverVersion },
        'ready to serve client requests',
      );
    });
    const code = await stopped;
    return (await stopInOrder(member, log)) ? code : exitFailed;
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n`);
      return exitUsage;
    }
    const isClear = error instanceof BootstrapError || error instanceof DirectoryInUseError;
    const text = isClear ? error.message : 'the member could not start';
    log.error({ error }, text);
    return isOutOfRoom(error) && !isMainThread ? exitTryLater : exitFailed;
  } finally {
    tls?.stop();
    process.removeListener('SIGTERM', onSignal);
    process.removeListener('SIGINT', onSignal);
  }
}

function isOutOfRoom(error: unknown): boolean {
  const codes = ['ENOSPC', 'WAL_NO_SPACE', 'BACKEND_NO_SPACE', 'SQLITE_FULL'];
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (codes.includes(errorCode(cause))) return true;
  }
  return false;
}

/** @returns false when it could not, which is logged */
async function stopInOrder(member: RunningMember, log: Logger): Promise<boolean> {
  try {
    await member.stop();
  } catch (error) {
    log.error({ error }, 'the member could not stop in order');
    return false;
  }
  log.info({}, 'stopped');
  return true;
}
