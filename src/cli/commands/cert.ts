import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { lockDirectory } from '../../lib/files/directory-lock.js';
import { parseFlags } from '../../lib/flags.js';
import { readJoinToken } from '../../lib/join-token.js';
import { silentLogger } from '../../lib/log.js';
import { publicKeyHash } from '../../lib/pki/public-key-hash.js';
import { validityOf } from '../../lib/pki/validity.js';
import { UsageError } from '../../lib/usage-error.js';
import type { Credentials } from '../../worker/join/credentials.js';
import { readCredentials, writeCredentials } from '../../worker/join/credentials.js';
import { joinCluster } from '../../worker/join/join.js';
import { certificatesIn } from '../certificates.js';
import type { CommandContext } from '../context.js';
import { processContext } from '../context.js';
import { renderTable } from '../table.js';

interface Flags {
  readonly dataDir?: string;
  readonly token?: string;
  readonly tokenFile?: string;
}

const dayMs = 86_400_000;
const installed = ['/var/lib/trireme/master', '/var/lib/trireme/worker'];

/** `trireme cert list` and `trireme cert renew`: the certificates that this machine keeps. */
export async function runCert(
  argv: readonly string[],
  context: CommandContext = processContext,
): Promise<number> {
  const command = new Command('cert')
    .argument('<action>', 'list: when each ends; renew: those of a worker that was off too long')
    .option(
      '--data-dir <dir>',
      `of a master or a worker (default: those of ${installed.join(', ')})`,
    )
    .option('--token <token>', 'renew: as `trireme token create --for worker` prints it')
    .option('--token-file <file>', 'renew: the file that holds it (-: standard input)')
    .addHelpText(
      'after',
      '\nExamples:\n  trireme cert list\n  trireme cert renew --data-dir=/var/lib/trireme/worker --token-file=-',
    );
  const parsed = parseFlags<Flags & { readonly args: readonly string[] }>(
    command,
    argv,
    context.out,
  );
  if (parsed.help) return 0;
  const { options } = parsed;
  const directories = options.dataDir === undefined ? installed : [options.dataDir];
  switch (options.args[0]) {
    case 'list':
      return list(
        directories.map((path) => resolve(path)),
        context,
      );
    case 'renew':
      return renew(resolve(options.dataDir ?? '/var/lib/trireme/worker'), options, context);
    default:
      throw new UsageError('the action is "list" or "renew"');
  }
}

async function list(
  directories: readonly string[],
  { out, clock }: CommandContext,
): Promise<number> {
  const found = (await Promise.all(directories.map(certificatesIn))).flat();
  if (found.length === 0) {
    throw new Error(`no certificates are kept in ${directories.join(' or ')}: name a --data-dir`);
  }
  const nowMs = clock.nowMs();
  const rows = found.map(({ name, pem }) => {
    const { toMs } = validityOf(pem);
    const days = Math.floor((toMs - nowMs) / dayMs);
    const subject = new X509Certificate(pem).subject.replaceAll('\n', ', ');
    return [name, subject, new Date(toMs).toISOString(), toMs <= nowMs ? 'ENDED' : `${days} days`];
  });
  out(renderTable(['CERTIFICATE', 'SUBJECT', 'ENDS', 'LEFT'], rows));
  return found.some(({ pem }) => validityOf(pem).toMs <= nowMs) ? 1 : 0;
}

/** A worker's: a master renews its own at each start. */
async function renew(dataDir: string, flags: Flags, context: CommandContext): Promise<number> {
  const found = await readCredentials(dataDir);
  if (found === undefined) {
    const reason = existsSync(join(dataDir, 'pki'))
      ? 'is that of a master, which renews its own certificates at each start'
      : 'holds no credentials of a worker: it joins with --join';
    throw new Error(`${dataDir} ${reason}`);
  }
  const token = readJoinToken(flags, process.env);
  if (token === undefined) {
    throw new UsageError('--token or --token-file is needed: trireme token create --for worker');
  }
  // A worker that runs renews them itself, and would go on with those that it has read.
  const lock = lockDirectory(dataDir);
  let renewed: Credentials;
  try {
    const credentials = (await readCredentials(dataDir)) ?? found;
    const { nodeName, ca, masters } = credentials;
    renewed = await joinCluster({
      target: { servers: masters, token, caHash: publicKeyHash(ca) },
      nodeName,
      hosts: hostsOf(credentials),
      former: credentials,
      clock: context.clock,
      log: silentLogger,
    });
    await writeCredentials(dataDir, renewed);
  } finally {
    lock.release();
  }
  const { toMs } = validityOf(renewed.certificate);
  context.out(
    `the certificates of ${renewed.nodeName} are renewed until ${new Date(toMs).toISOString()}\n`,
  );
  context.err('start its worker again\n');
  return 0;
}

/** The names and addresses that its serving certificate holds. */
function hostsOf({ servingCertificate }: Credentials): string[] {
  const names = new X509Certificate(servingCertificate).subjectAltName ?? '';
  return names.split(', ').map((name) => name.replace(/^(?:DNS|IP Address):/, ''));
}
