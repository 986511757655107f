/** Flags, queries and words that all writing commands share. */
import type { KubeObject } from '../../api/object.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { Flags } from '../command/flag-types.js';
import type { CommandContext } from '../context.js';
import { objectPrinter, parseOutput } from '../print/output.js';
import type { ObjectPrinter } from '../print/output.js';
import { displayName } from './resource.js';
import type { ObjectRef } from './resource.js';
import { fieldManager } from './types.js';

/** `--dry-run`. */
export const dryRunFlag = {
  'dry-run': {
    type: 'text',
    default: 'none',
    bare: 'client',
    value: 'none|server|client',
    help: 'client: print what would be sent; server: let the server check it and keep nothing',
  },
} as const satisfies Flags;

/** `--field-manager`. */
export const fieldManagerFlag = {
  'field-manager': {
    type: 'text',
    default: fieldManager,
    value: 'NAME',
    help: 'the name under which the fields are owned',
  },
} as const satisfies Flags;

/** `--validate`. */
export const validateFlag = {
  validate: {
    type: 'text',
    default: 'strict',
    bare: 'strict',
    value: 'strict|warn|ignore',
    help: 'what happens to unknown and duplicate fields',
  },
} as const satisfies Flags;

/** Whether a write is kept: `server` and `client` keep nothing. */
export type DryRun = 'none' | 'server' | 'client';

/** @throws CommandLineError in kubectl's words */
export function parseDryRun(text: string): DryRun {
  if (text === 'none' || text === 'server' || text === 'client') return text;
  throw new CommandLineError(
    `Invalid dry-run value (${text}). Must be "none", "server", or "client".`,
    { plain: true },
  );
}

/** The query of a write. */
export function writeQuery(options: {
  readonly dryRun?: DryRun;
  readonly manager?: string;
  readonly validate?: string;
}): Record<string, string | undefined> {
  return {
    fieldManager: options.manager ?? fieldManager,
    dryRun: options.dryRun === 'server' ? 'All' : undefined,
    fieldValidation: options.validate === undefined ? undefined : validation(options.validate),
  };
}

const validations: Readonly<Record<string, string>> = {
  strict: 'Strict',
  true: 'Strict',
  warn: 'Warn',
  ignore: 'Ignore',
  false: 'Ignore',
};

/** @throws CommandLineError */
function validation(text: string): string {
  const found = validations[text.toLowerCase()];
  if (found !== undefined) return found;
  throw new CommandLineError(
    `invalid - validate option "${text}"; must be one of: strict (or true), warn, ignore (or false)`,
    {
      plain: true,
    },
  );
}

/** ` (dry run)`. */
export function dryRunSuffix(dryRun: DryRun): string {
  if (dryRun === 'none') return '';
  return dryRun === 'client' ? ' (dry run)' : ' (server dry run)';
}

/** Says what was done to an object, or prints it if `-o` says so. */
export type ResultPrinter = (
  operation: string,
  ref: ObjectRef,
  object: KubeObject,
) => Promise<void>;

/** @throws CommandLineError for an unknown format */
export function resultPrinter(
  context: CommandContext,
  flags: {
    readonly output?: string | undefined;
    readonly template?: string | undefined;
    readonly 'show-managed-fields'?: boolean | undefined;
  },
  dryRun: DryRun = 'none',
): ResultPrinter {
  const format = parseOutput(flags.output, flags.template);
  const managedFields = flags['show-managed-fields'] ?? false;
  const print: ObjectPrinter | undefined =
    format === undefined ? undefined : objectPrinter(format, { managedFields, headers: true });
  let count = 0;
  return async (operation, ref, object) => {
    count += 1;
    if (print === undefined) {
      const name = displayName(ref.resource, object.metadata?.name ?? ref.name);
      context.out(`${name} ${operation}${dryRunSuffix(dryRun)}\n`);
      return;
    }
    if (format?.name === 'yaml' && count > 1) context.out('---\n');
    context.out(await print([{ ref, object }], false));
  };
}
