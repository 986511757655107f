import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { ClusterDefinition } from '../../gen/cluster.js';
import { errorMessage } from '../../lib/errors.js';
import { oneOf, parseFlags, repeatable } from '../../lib/flags.js';
import { isUsageError } from '../../lib/usage-error.js';
import type { ConnectionFlags } from '../connection.js';
import { addConnectionFlags } from '../connection.js';
import type { CommandContext } from '../context.js';
import { processContext } from '../context.js';
import { clusterFindings } from '../doctor/cluster.js';
import { machineFacts } from '../doctor/facts.js';
import type { Finding } from '../doctor/finding.js';
import { ok, problem, renderFindings } from '../doctor/finding.js';
import { machineFindings } from '../doctor/machine.js';
import { homeDirectory, readClusterRecord } from '../home.js';

interface Flags extends ConnectionFlags {
  readonly home?: string;
  readonly dataDir?: readonly string[];
  readonly output?: string;
}

const installed = ['/var/lib/trireme/master', '/var/lib/trireme/worker'];

/** `trireme doctor`: looks at this machine and at the cluster that it reaches, and says what to mend. */
export async function runDoctor(
  argv: readonly string[],
  context: CommandContext = processContext,
): Promise<number> {
  const command = addConnectionFlags(new Command('doctor'))
    .description('Looks at this machine and at the cluster that it reaches, and says what to mend.')
    .option('--home <dir>', 'of a cluster of `up` (default: $TRIREME_HOME, else .trireme)')
    .option('--data-dir <dir>', 'of a role on this machine (may be repeated)', repeatable)
    .option('-o, --output <format>', 'json')
    .addHelpText(
      'after',
      '\nExit code 1 when there is a problem.\n\nExamples:\n  trireme doctor\n  trireme doctor -o json',
    );
  const parsed = parseFlags<Flags>(command, argv, context.out);
  if (parsed.help) return 0;
  const { options } = parsed;
  if (options.output !== undefined) oneOf('--output', options.output, ['json']);
  const home = homeDirectory(options.home);
  const record = await readClusterRecord(home);
  const dataDirs = options.dataDir?.map((path) => resolve(path)) ?? [
    ...installed,
    ...(record?.hosts ?? []).map(({ dataDir }) => dataDir),
  ];
  const facts = await machineFacts({ dataDirs, record });
  const kubeconfig =
    options.kubeconfig ?? (options.home === undefined ? undefined : join(home, 'kubeconfig'));
  const connection = { ...options, ...(kubeconfig === undefined ? {} : { kubeconfig }) };
  const findings = [
    ...machineFindings(facts, context.clock.nowMs()),
    ...(await ofCluster(connection, context)),
  ];
  context.out(
    options.output === 'json' ? `${JSON.stringify(findings, null, 2)}\n` : renderFindings(findings),
  );
  return findings.some(({ level }) => level === 'problem') ? 1 : 0;
}

/** Where no cluster is known, there is nothing wrong with it. */
async function ofCluster(flags: ConnectionFlags, context: CommandContext): Promise<Finding[]> {
  try {
    const connection = await context.connect(flags);
    try {
      const beforeMs = context.clock.nowMs();
      const status = await connection.call((channel) =>
        channel.client(ClusterDefinition).status({}, { deadlineMs: 5000 }),
      );
      return clusterFindings(status, (beforeMs + context.clock.nowMs()) / 2);
    } finally {
      connection.close();
    }
  } catch (error) {
    if (isUsageError(error)) return [ok('cluster', `none is looked at: ${error.message}`)];
    const mend = 'start a master, or name another cluster by --kubeconfig';
    return [problem('cluster', `no master answers: ${errorMessage(error)}`, mend)];
  }
}
