/** `--raw PATH`: a request to a path of the server with a file as its body; the answer is printed as it is. */
import { readBytes } from '../builder/texts.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { Flags } from '../command/flag-types.js';
import type { Invocation } from '../command/spec.js';
import { withSession } from './session.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** @throws CommandLineError in kubectl's words for what is no path of a server */
export function mustBePath(path: string): void {
  if (path.startsWith('/')) return;
  throw plain(
    `--raw must be a valid URL path: parse ${JSON.stringify(path)}: invalid URI for request`,
  );
}

/** @throws CommandLineError in kubectl's words where more than a file goes with `--raw`, or another thing */
export function mustBeOneFile(
  flags: {
    readonly filename: readonly string[];
    readonly recursive?: boolean | undefined;
    readonly selector?: string | undefined;
    readonly output?: string | undefined;
  },
  { isNeeded }: { readonly isNeeded: boolean } = { isNeeded: true },
): void {
  const [file = ''] = flags.filename;
  const count = flags.filename.length;
  if (count > 1 || (isNeeded && count === 0))
    throw plain('--raw can only use a single local file or stdin');
  if (/^https?:\/\//.test(file)) throw plain('--raw cannot read from a url');
  if (flags.recursive === true) throw plain('--raw and --recursive are mutually exclusive');
  if (flags.selector !== undefined) {
    throw plain('--raw and --selector (-l) are mutually exclusive');
  }
  if (flags.output !== undefined) throw plain('--raw and --output are mutually exclusive');
}

/**
 * Sends a file to a path and prints the answer.
 * @param file `-` is standard input; undefined sends no body
 * @throws CommandLineError for a path that is none
 */
export async function sendRaw<F extends Flags>(
  invocation: Invocation<F>,
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  file: string | undefined,
): Promise<number> {
  mustBePath(path);
  const { context } = invocation;
  const bytes = file === undefined ? undefined : await readBytes(file, context.input);
  return withSession(invocation, async ({ kube }) => {
    const body = bytes === undefined ? {} : { body: bytes };
    context.out(await kube.raw({ method, path, ...body }));
    return 0;
  });
}
