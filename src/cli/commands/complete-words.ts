/** `trireme __complete WORDS…`: what a shell's completion asks; the last word is begun. */
import { listObjects } from '../builder/objects.js';
import { complete } from '../command/complete.js';
import type { NameSource } from '../command/complete.js';
import { globalFlags } from '../command/global-flags.js';
import { parseLine } from '../command/parse.js';
import type { CommandContext } from '../context.js';
import type { KubeCommand } from '../kube-commands.js';
import { builtInResources } from '../kube/built-in-resources.js';
import { mergedKubeconfig } from '../kube/client-config.js';
import type { GlobalValues } from '../kube/client-config.js';
import { ResourceMapper } from '../kube/resource-mapper.js';

/** Longer than this nobody waits for names. */
const answerMs = '2s';

/** Prints the candidates, one a line; none when the cluster does not answer. */
export async function completeWords(
  commands: Readonly<Record<string, KubeCommand>>,
  others: readonly string[],
  words: readonly string[],
  context: CommandContext,
): Promise<number> {
  const [name = '', ...rest] = words;
  if (rest.length === 0) {
    const all = [...Object.keys(commands), ...others].filter((word) => word.startsWith(name));
    context.out(
      all
        .sort()
        .map((word) => `${word}\n`)
        .join(''),
    );
    return 0;
  }
  const command = commands[name];
  if (command === undefined) return 0;
  const found = await complete(await command.load(), rest, nameSource(context)).catch(() => []);
  context.out(found.map((word) => `${word}\n`).join(''));
  return 0;
}

function nameSource(context: CommandContext): NameSource {
  return {
    types: async () => builtInResources.map(({ plural }) => plural),
    entries: async (list) =>
      (mergedKubeconfig(undefined)[list] ?? []).map(({ name }: { readonly name: string }) => name),
    objects: async (type, before) => {
      const kube = await context.kube(connectionOf(before));
      try {
        const resource = await new ResourceMapper(kube).byName(type);
        const everywhere = before.includes('-A') || before.includes('--all-namespaces');
        const namespace = everywhere ? undefined : kube.namespace;
        const objects = await listObjects({ kube }, resource, { namespace });
        return objects.map(({ metadata }) => metadata.name);
      } finally {
        kube.close();
      }
    },
  };
}

/** The flags that say which cluster is meant, among those that stand before. */
function connectionOf(before: readonly string[]): GlobalValues {
  const kept: string[] = ['--request-timeout', answerMs];
  for (const [at, word] of before.entries()) {
    const isOurs = /^(?:-n|--(?:namespace|kubeconfig|context|cluster|user|server|token))$/.test(
      word,
    );
    const next = before[at + 1];
    if (isOurs && next !== undefined) kept.push(word, next);
    else if (/^--(?:namespace|kubeconfig|context|cluster|user|server|token)=|^-n./.test(word))
      kept.push(word);
  }
  return parseLine(globalFlags, kept).values as GlobalValues;
}
