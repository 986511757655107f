import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { lockDirectory } from '../../lib/files/directory-lock.js';
import { readJoinToken } from '../../lib/join-token.js';
import { silentLogger } from '../../lib/log.js';
import { publicKeyHash } from '../../lib/pki/public-key-hash.js';
import { validityOf } from '../../lib/pki/validity.js';
import type { Credentials } from '../../worker/join/credentials.js';
import { readCredentials, writeCredentials } from '../../worker/join/credentials.js';
import { joinCluster } from '../../worker/join/join.js';
import { rotateCommand } from '../rotation/rotate.js';
import { certificatesIn } from '../certificates.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand, defineGroup } from '../command/spec.js';
import type { CommandContext } from '../context.js';
import { renderTable } from '../table.js';

const dayMs = 86_400_000;
const installed = ['/var/lib/trireme/master', '/var/lib/trireme/worker'];

const listCommand = defineCommand({
  name: 'list',
  summary:
    'list the certificates that a master or a worker of this machine keeps, and when each ends',
  usage: '',
  examples: [
    ['those of an installed master or worker', 'trireme cert list'],
    ['those of a master of `up`', 'trireme cert list --data-dir=.trireme/master-1'],
  ],
  flags: {
    'data-dir': {
      type: 'text',
      value: 'DIR',
      help: `of a master or a worker (default ${installed.join(' and ')})`,
    },
  },
  completes: 'nothing',
  run: ({ flags, context }) => {
    const given = flags['data-dir'];
    const directories = given === undefined ? installed : [resolve(given)];
    return list(directories, context);
  },
});

const renewCommand = defineCommand({
  name: 'renew',
  summary: 'renew the certificates of a worker that was off until they had ended',
  usage: '',
  examples: [['with a token from standard input', 'trireme cert renew --token-file=-']],
  flags: {
    'data-dir': {
      type: 'text',
      value: 'DIR',
      default: '/var/lib/trireme/worker',
      help: 'of the worker',
    },
    token: {
      type: 'text',
      value: 'TOKEN',
      help: 'as `trireme token create --for worker` prints it',
    },
    'token-file': {
      type: 'text',
      value: 'FILE',
      help: 'the file that holds it; - is standard input',
    },
  },
  completes: 'nothing',
  run: ({ flags, context }) => renew(resolve(flags['data-dir']), flags, context),
});

/** `trireme cert`: the certificates that this machine keeps. */
export const certCommand = defineGroup({
  name: 'cert',
  summary: 'list certificates, renew those of a worker that was off, exchange authorities and keys',
  examples: [
    ['when each ends', 'trireme cert list'],
    ['new authorities, and a new encryption key, while the cluster runs', 'trireme cert rotate'],
  ],
  subcommands: [listCommand, renewCommand, rotateCommand],
});

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
async function renew(
  dataDir: string,
  flags: { readonly token: string | undefined; readonly 'token-file': string | undefined },
  context: CommandContext,
): Promise<number> {
  const found = await readCredentials(dataDir);
  if (found === undefined) {
    const reason = existsSync(join(dataDir, 'pki'))
      ? 'is that of a master, which renews its own certificates at each start'
      : 'holds no credentials of a worker: it joins with --join';
    throw new Error(`${dataDir} ${reason}`);
  }
  const { token: word, 'token-file': tokenFile } = flags;
  const token = readJoinToken(
    {
      ...(word === undefined ? {} : { token: word }),
      ...(tokenFile === undefined ? {} : { tokenFile }),
    },
    process.env,
  );
  if (token === undefined) {
    throw new CommandLineError(
      '--token or --token-file is needed: trireme token create --for worker',
    );
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
