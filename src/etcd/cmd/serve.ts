import { setFlagsFromString } from 'node:v8';
import { isMainThread } from 'node:worker_threads';
import { systemClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/create-logger.js';
import { DirectoryInUseError } from '../../lib/files/directory-lock.js';
import type { Logger, LogLevel } from '../../lib/log.js';
import { UsageError } from '../../lib/usage-error.js';
import { BootstrapError, MemberRemovedError, reportedVersions } from '../config.js';
import { errorCode } from '../wal/node-disk.js';
import { exitFailed, exitTryLater, exitUsage } from './exit-codes.js';
import { flagsWithoutEffect } from './flag-support.js';
import { loadJwt } from './jwt.js';
import { logOutputs } from './log-outputs.js';
import { startMember } from './member.js';
import type { MemberParts, RunningMember } from './member.js';
import { followTls } from './member-tls.js';
import type { MemberTls } from './member-tls.js';
import { listenUrls, serverConfig } from './options.js';
import type { Flags } from './typed-flags.js';

/** The old space may grow to so much above what was alive in it before it is collected, percent. */
const heapGrowthPercent = 100;

/**
 * V8 lets a young process gather some 80 MB of garbage, buffers that it refers to included, before it looks for any:
 * more than a store of 100,000 keys holds. Only where the store has the process to itself.
 */
function collectEarly(): void {
  if (isMainThread) setFlagsFromString(`--heap-growing-percent=${heapGrowthPercent}`);
}

/** Runs a member until it is told to stop, or cannot go on. @returns the exit code */
export async function serve(flags: Flags, parts: MemberParts): Promise<number> {
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
    if (ignored.length > 0) log.warn({ flags: ignored }, 'some flags have no effect here');
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
        {
          name: config.name,
          clientUrls: listen.clientUrls,
          version: reportedVersions(config).server,
        },
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
