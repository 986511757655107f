import type { KubeObject } from '../../api/object.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { Flags } from '../command/flag-types.js';
import type { CommandSpec, Invocation } from '../command/spec.js';
import { placeObject } from '../builder/objects.js';
import { saveConfigFlag, savedConfig } from '../kube/last-applied.js';
import { apiVersionOf, pathOf } from '../kube/resource.js';
import { withSession } from '../kube/session.js';
import {
  dryRunFlag,
  fieldManagerFlag,
  parseDryRun,
  resultPrinter,
  validateFlag,
  writeQuery,
} from '../kube/write.js';
import { outputFlags } from '../print/output.js';

/** The flags of every command that makes an object from its words. */
export const generatorFlags = {
  ...outputFlags,
  ...dryRunFlag,
  ...fieldManagerFlag,
  ...validateFlag,
  ...saveConfigFlag,
} as const satisfies Flags;

/** A JSON object that becomes an object of the API. */
export type Made = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: object;
};

/** Declares `create KIND`: what it makes is a pure function of the command line. */
export function defineGenerator<const F extends Flags>(options: {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly usage: string;
  readonly examples: CommandSpec['examples'];
  readonly flags: F;
  readonly make: (
    name: string,
    invocation: Invocation<F & typeof generatorFlags>,
  ) => Made | Promise<Made>;
}): CommandSpec {
  const { make, flags, ...spec } = options;
  return defineCommand({
    ...spec,
    flags: { ...generatorFlags, ...flags },
    completes: 'nothing',
    run: async (invocation) => {
      const [name, ...more] = invocation.args.slice(0, invocation.dash);
      if (name === undefined || more.length > 0) {
        throw new CommandLineError(
          `exactly one NAME is required, got ${name === undefined ? 0 : more.length + 1}`,
        );
      }
      const typed = invocation as unknown as Invocation<F & typeof generatorFlags>;
      const made = (await make(name, typed)) as unknown as KubeObject;
      await createMade(invocation, made, true);
    },
  });
}

/**
 * Creates an object and says so; with `--dry-run=client` it is only printed.
 * @param isCreate by `create`, whose refusals say what was tried
 * @param done the word for what was done
 * @param between runs when the object is made, before that is said
 */
export async function createMade(
  invocation: Invocation<typeof generatorFlags>,
  given: KubeObject,
  isCreate = false,
  done = 'created',
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const { flags, context } = invocation;
  const dryRun = parseDryRun(flags['dry-run']);
  const print = resultPrinter(context, flags, dryRun);
  await withSession(invocation, async (session) => {
    // As kubectl: what is only printed bears no namespace that the user did not name.
    const { enforceNamespace } = session;
    const ref = await placeObject(session, given, given.metadata.name);
    if (dryRun === 'client' && !enforceNamespace) delete given.metadata.namespace;
    const object = savedConfig(given, flags['save-config']);
    if (dryRun === 'client') {
      await between();
      return print(done, ref, object);
    }
    const { resource } = ref;
    const made = await session.kube
      .json<KubeObject>({
        method: 'POST',
        path: pathOf(resource, { namespace: ref.namespace }),
        query: writeQuery({ dryRun, manager: flags['field-manager'], validate: flags.validate }),
        body: object,
      })
      .catch((error: unknown) => {
        throw isCreate ? prefixed(error, `failed to create ${resource.singular}: `) : error;
      });
    await between();
    await print(done, ref, {
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      ...made,
    });
  });
}

/** A refusal whose text begins with what was tried. */
function prefixed(error: unknown, prefix: string): unknown {
  if (!(error instanceof Error) || error.name !== 'ApiError') return error;
  const { reason } = error as Error & { reason: string };
  if (reason === 'Invalid') return error;
  return new CommandLineError(`${prefix}${error.message}`, { plain: true });
}

/** `key=value` words as a map. @throws CommandLineError */
export function pairsOf(words: readonly string[], flag: string): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      if (at <= 0)
        throw new CommandLineError(`invalid ${flag} ${word}, expected key=value`, { plain: true });
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}
