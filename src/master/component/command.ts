/** The flags that the scheduler and the controller manager share. */
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { parseDurationMs } from '../../lib/go-duration.js';
import type { LogLevel } from '../../lib/log.js';
import { UsageError } from '../../lib/usage-error.js';
import { goBoolean } from '../../api/go-text/values.js';

/** The flags of every component of a master. */
export interface CommonFlags {
  readonly server: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly identity?: string;
  readonly bindAddress: string;
  readonly securePort: number;
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
  readonly clientCaFile?: string;
  readonly leaderElect: boolean;
  readonly leaderElectLeaseDuration: number;
  readonly leaderElectRenewDeadline: number;
  readonly leaderElectRetryPeriod: number;
  readonly logLevel: LogLevel;
}

/** Milliseconds of a Go duration ("1m30s", "500ms"). @throws InvalidArgumentError */
function parseDuration(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) throw new InvalidArgumentError('It is no duration such as 1m30s.');
  return ms;
}

/** Makes the option of a duration, whose default is shown in seconds. */
export function durationOption(flags: string, description: string, defaultMs: number): Option {
  return new Option(flags, description)
    .argParser(parseDuration)
    .default(defaultMs, `${defaultMs / 1000}s`);
}

/** A boolean flag as Go takes it: `--flag`, `--flag=false`. @throws InvalidArgumentError */
export function parseBoolean(text: string): boolean {
  const value = goBoolean(text);
  if (value === undefined) throw new InvalidArgumentError('It is neither true nor false.');
  return value;
}

/** The port of a flag. @throws InvalidArgumentError */
function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new InvalidArgumentError('It is no port: 0 to 65535.');
  }
  return port;
}

/** Adds the flags of {@link CommonFlags} to a command. @param securePort the port that Kubernetes gives it */
export function addCommonFlags(command: Command, securePort: number): Command {
  return command
    .requiredOption('--server <host:port,…>', 'API servers (gRPC)')
    .option('--ca-file <file>', 'PEM of the CA that signed the API servers')
    .option('--cert-file <file>', 'PEM of the client certificate')
    .option('--key-file <file>', 'PEM of its private key')
    .option('--identity <name>', 'name of this instance in the lease; unique in the cluster')
    .option('--bind-address <ip>', 'address of the HTTPS port with health and metrics', '0.0.0.0')
    .option('--secure-port <port>', 'that port; 0: none', parsePort, securePort)
    .option('--tls-cert-file <file>', 'PEM of its certificate (default: self-signed)')
    .option('--tls-private-key-file <file>', 'PEM of the private key of that certificate')
    .option(
      '--client-ca-file <file>',
      'PEM of the CA of client certificates there (default: --ca-file)',
    )
    .option('--leader-elect [bool]', 'work only while this instance leads', parseBoolean, true)
    .addOption(
      durationOption(
        '--leader-elect-lease-duration <duration>',
        'a lease without renewal for so long is free',
        6000,
      ),
    )
    .addOption(
      durationOption(
        '--leader-elect-renew-deadline <duration>',
        'a leader that cannot renew for so long stops',
        4000,
      ),
    )
    .addOption(
      durationOption('--leader-elect-retry-period <duration>', 'time between attempts', 500),
    )
    .addOption(
      new Option('--log-level <level>', 'least level of lines that are logged')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    );
}

/** A renewal is tried anew after up to so many times the period (client-go's `JitterFactor`). */
const retryJitter = 1.2;

/**
 * Refuses times of an election by which a leader would still lead when another one may (client-go `leaderelection`).
 * @throws UsageError
 */
export function checkElection(flags: CommonFlags): void {
  if (!flags.leaderElect) return;
  const { leaderElectLeaseDuration, leaderElectRenewDeadline, leaderElectRetryPeriod } = flags;
  if (leaderElectRetryPeriod <= 0) throw new UsageError('retryPeriod must be greater than zero');
  if (leaderElectLeaseDuration <= leaderElectRenewDeadline) {
    throw new UsageError('leaseDuration must be greater than renewDeadline');
  }
  if (leaderElectRenewDeadline <= leaderElectRetryPeriod * retryJitter) {
    throw new UsageError('renewDeadline must be greater than retryPeriod*JitterFactor');
  }
}
