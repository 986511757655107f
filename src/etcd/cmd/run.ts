/** `trireme etcd`: a drop-in for the `etcd` program. */
import { UsageError } from '../../lib/usage-error.js';
import { reportedVersions } from '../config.js';
import { exitUsage } from './exit-codes.js';
import { compatOf } from './feature-gates.js';
import { flagNames, parseFlags } from './flags.js';
import { refuseUnsupported } from './flag-support.js';
import { logOutputs } from './log-outputs.js';
import type { MemberParts } from './member.js';
import { Flags } from './typed-flags.js';

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
    compatOf(flags);
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
    const { server, cluster } = reportedVersions({ compat: compatOf(flags) });
    process.stdout.write(`etcd Version: ${server}\nCluster Version: ${cluster}\n`);
    return 0;
  }
  // Loaded when it runs: help and version start without.
  return (await import('./serve.js')).serve(flags, parts);
}
