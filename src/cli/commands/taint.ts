import type { KubeObject } from '../../api/object.js';
import type { Node, Taint } from '../../api/types/core.js';
import { labelValueErrors, qualifiedNameErrors } from '../../api/validation/names.js';
import { findObjects } from '../builder/objects.js';
import { selectorFlag } from '../builder/file-flags.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { forEachUnlessRefused } from '../kube/failures.js';
import { objectPath } from '../kube/resource.js';
import { withSession } from '../kube/session.js';
import { dryRunFlag, parseDryRun, resultPrinter, writeQuery } from '../kube/write.js';
import { outputFlags } from '../print/output.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });
const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** What a command line does to taints. */
export interface TaintChanges {
  readonly added: readonly Taint[];
  /** Without an effect: all of the key. */
  readonly removed: readonly { readonly key: string; readonly effect: string }[];
}

/** `key=value:Effect` adds, `key:Effect-` and `key-` remove. @throws CommandLineError in kubectl's words */
export function parseTaints(words: readonly string[]): TaintChanges {
  const added: Taint[] = [];
  const removed: { key: string; effect: string }[] = [];
  for (const word of words) {
    const isRemoval = word.endsWith('-');
    const text = isRemoval ? word.slice(0, -1) : word;
    const [pair = '', effect = '', more] = text.split(':');
    const [key = '', value = '', another] = pair.split('=');
    if (more !== undefined || another !== undefined) {
      throw new CommandLineError(`invalid taint spec: ${word}`);
    }
    const wrong = [...qualifiedNameErrors(key), ...(value === '' ? [] : labelValueErrors(value))];
    // Without an effect, all of it must be a name.
    if (!isRemoval && effect === '') wrong.push(...qualifiedNameErrors(text));
    if (wrong.length > 0) {
      throw new CommandLineError(`invalid taint spec: ${word}, ${[...new Set(wrong)].join('; ')}`);
    }
    if (effect !== '' && !effects.includes(effect)) {
      throw new CommandLineError(`invalid taint effect: ${effect}, unsupported taint effect`);
    }
    if (isRemoval) removed.push({ key, effect });
    else {
      if (effect === '') {
        throw new CommandLineError(`invalid taint spec: ${word}, expected key=value:effect`);
      }
      if (added.some((one) => one.key === key && one.effect === effect)) {
        throw new CommandLineError(
          `duplicated taints with the same key and effect: {${key} ${value} ${effect} <nil>}`,
        );
      }
      added.push({ key, effect, ...(value === '' ? {} : { value }) });
    }
  }
  const both = added.filter((one) =>
    removed.some(({ key, effect }) => key === one.key && (effect === '' || effect === one.effect)),
  );
  if (both.length > 0) {
    const named = both.map(({ key, effect }) => `${key}=${effect}`).join(',');
    throw plain(
      `can not both modify and remove the following taint(s) in the same command: ${named}`,
    );
  }
  return { added, removed };
}

/** The taints of a node after a change, and what was done. @throws CommandLineError */
export function changeTaints(
  node: Node,
  { added, removed }: TaintChanges,
  overwrite: boolean,
): { readonly taints: readonly Taint[]; readonly word: string } {
  const isSame = (a: Taint, b: { key: string; effect: string }): boolean =>
    a.key === b.key && (b.effect === '' || a.effect === b.effect);
  let taints: Taint[] = node.spec?.taints ?? [];
  for (const { key, effect } of removed) {
    const left = taints.filter((taint) => !isSame(taint, { key, effect }));
    if (left.length === taints.length)
      throw plain(`taint "${key}${effect === '' ? '' : `:${effect}`}" not found`);
    taints = left;
  }
  for (const taint of added) {
    const found = taints.find((old) => isSame(old, taint));
    if (found !== undefined && !overwrite) {
      throw plain(
        `node ${node.metadata.name} already has ${taint.key} taint(s) with same effect(s) and --overwrite is false`,
      );
    }
    taints = [taint, ...taints.filter((old) => !isSame(old, taint))];
  }
  const word =
    overwrite || (added.length > 0 && removed.length > 0)
      ? 'modified'
      : added.length > 0
        ? 'tainted'
        : 'untainted';
  return { taints, word };
}

/** @throws CommandLineError for what is no node, and for nodes that are chosen in two ways */
function mayBeTainted(
  [type = '', ...names]: readonly string[],
  { all, selector }: { readonly all: boolean | undefined; readonly selector: string | undefined },
): void {
  if (!/^(?:nodes?|no)(?:\/|$)/i.test(type)) {
    throw plain(`invalid resource type ${type}, only node types are supported`);
  }
  if (all === true && selector !== undefined) {
    throw plain("setting 'all' parameter with a non empty selector is prohibited");
  }
  if (all === true && names.length > 0) {
    throw plain('name cannot be provided when all nodes are meant');
  }
}

/** `trireme taint`. */
export const taintCommand = defineCommand({
  name: 'taint',
  summary: 'keep pods away from nodes',
  usage: 'node NAME... KEY=VALUE:EFFECT... KEY[:EFFECT]-...',
  examples: [
    ['for pods that do not tolerate it', 'trireme taint node worker-1 dedicated=db:NoSchedule'],
    ['no longer', 'trireme taint node worker-1 dedicated:NoSchedule-'],
    ['all nodes with a label', 'trireme taint node -l disk=slow slow=true:PreferNoSchedule'],
  ],
  flags: {
    ...selectorFlag,
    ...outputFlags,
    ...dryRunFlag,
    all: { type: 'bool', help: 'all nodes' },
    overwrite: { type: 'bool', help: 'change values that are there' },
  },
  completes: 'targets',
  run: (invocation) => {
    const { args, flags, context } = invocation;
    const first = args.findIndex((word) => /[=:]|-$/.test(word));
    const words = first < 0 ? args : args.slice(0, first);
    const changes = parseTaints(first < 0 ? [] : args.slice(first));
    if (words.length === 0)
      throw plain('one or more resources must be specified as <resource> <name>');
    mayBeTainted(words, flags);
    if (changes.added.length + changes.removed.length === 0) {
      throw plain('at least one taint update is required');
    }
    const dryRun = parseDryRun(flags['dry-run']);
    const print = resultPrinter(context, flags, dryRun);
    return withSession(invocation, async (session) => {
      const found = await findObjects(session, words, flags);
      return forEachUnlessRefused(context, found, async ({ ref, object }) => {
        const { taints, word } = changeTaints(object as Node, changes, flags.overwrite ?? false);
        const after =
          dryRun === 'client'
            ? object
            : await session.kube.json<KubeObject>({
                method: 'PATCH',
                path: objectPath(ref),
                contentType: 'application/merge-patch+json',
                query: writeQuery({ dryRun }),
                body: {
                  metadata: { resourceVersion: object.metadata.resourceVersion },
                  spec: { taints },
                },
              });
        await print(word, ref, after);
      });
    });
  },
});
