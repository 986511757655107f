/** Tells whether a host that is started again has usable keys, or must join anew. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { validityOf } from '../../lib/pki/validity.js';
import type { Credentials } from '../../worker/join/credentials.js';
import type { HostPlan, JoinArguments } from './hosts.js';
import { joinFlag, joinFlags } from './hosts.js';

/** True for a host that has its keys, good or not. */
export function hasJoined(host: Pick<HostPlan, 'role' | 'dataDir'>): boolean {
  const proof = host.role === 'master' ? 'master.json' : 'credentials.json';
  return existsSync(join(host.dataDir, proof));
}

/**
 * Tells when the certificate of a worker ended that was off for too long to renew it; undefined while it is good. A
 * master makes its own anew at each start.
 */
export function endOfCertificate(
  host: Pick<HostPlan, 'role' | 'dataDir'>,
  nowMs: number,
): Date | undefined {
  if (host.role !== 'worker' || !hasJoined(host)) return undefined;
  const text = readFileSync(join(host.dataDir, 'credentials.json'), 'utf8');
  const { toMs } = validityOf((JSON.parse(text) as Credentials).certificate);
  return toMs <= nowMs ? new Date(toMs) : undefined;
}

/** The same host with a new token in place of the one that it joined with. */
export function withJoinArguments<T extends HostPlan>(host: T, joining: JoinArguments): T {
  const kept = host.command.filter((flag) => !joinFlag.test(flag));
  return { ...host, command: [...kept, ...joinFlags(joining)] };
}
