import type { KubeObject } from '../../api/object.js';
import { Command } from 'commander';
import type { CommandContext } from '../context.js';
import { processContext } from '../context.js';
import type { NamespaceFlags } from '../common-flags.js';
import { addNamespaceFlags } from '../common-flags.js';
import { displayName, parseTargets } from '../resources.js';
import { parseFlags, wholeNumber } from '../../lib/flags.js';
import { UsageError } from '../../lib/usage-error.js';

interface Flags extends NamespaceFlags {
  readonly replicas: string;
}

/** `trireme scale TYPE NAME --replicas N`. */
export async function runScale(
  argv: readonly string[],
  context: CommandContext = processContext,
): Promise<number> {
  const command = addNamespaceFlags(
    new Command('scale')
      .argument('<target...>', 'TYPE NAME... or TYPE/NAME...')
      .requiredOption('--replicas <n>', 'the wanted number of replicas'),
  );
  const parsed = parseFlags<Flags>(command, argv, context.out);
  if (parsed.help) return 0;
  const { options } = parsed;
  const replicas = wholeNumber('--replicas', options.replicas, 0, 1_000_000);
  const connection = await context.connect(options);
  try {
    for (const { resource, names } of parseTargets(options.args)) {
      if (!resource.kind.subresources.some((subresource) => subresource.name === 'scale')) {
        throw new UsageError(`${resource.kind.plural} cannot be scaled`);
      }
      if (names.length === 0) throw new UsageError('name what to scale');
      for (const name of names) {
        const key = { namespace: options.namespace ?? connection.namespace, name };
        await connection.api.patch<KubeObject>(
          resource.id,
          key,
          'application/merge-patch+json',
          { spec: { replicas } },
          { subresource: 'scale', fieldManager: 'trireme' },
        );
        context.out(`${displayName(resource, name)} scaled\n`);
      }
    }
    return 0;
  } finally {
    connection.close();
  }
}
