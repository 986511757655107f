import { spawnSync } from 'node:child_process';

/** The minor version of the kubectl of this machine; 0 when there is none. */
export function kubectlMinor(): number {
  const run = spawnSync('kubectl', ['version', '--client', '-o', 'json'], { encoding: 'utf8' });
  if (run.status !== 0) return 0;
  const { clientVersion } = JSON.parse(run.stdout) as { clientVersion: { minor: string } };
  return Number.parseInt(clientVersion.minor, 10);
}
