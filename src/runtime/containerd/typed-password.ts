/**
 * Gives `ctr` a registry's password as it would be typed. Its other way is the command line, which every user and
 * every pod with the host's processes can read; so `ctr` is asked with a user's name only, which makes it read a line
 * from its terminal, and gets a terminal of its own from util-linux' `script`. Tried with ctr 1.6.20.
 */

/** A terminal hands over a line of at most 4,095 bytes (n_tty). */
const lineBytesMax = 4_000;
const firstPrintable = 0x20;
const deleteKey = 0x7f;

/** True for what a terminal takes as it is: one line, without keys that mean something to it. */
export function canBeTyped({ username, password }: RegistryLogin): boolean {
  if (username === '' || username.includes(':') || password === '') return false;
  const bytes = Buffer.from(password);
  return (
    bytes.length <= lineBytesMax &&
    bytes.every((byte) => byte >= firstPrintable && byte !== deleteKey)
  );
}

/** A user's name and password at a registry. */
export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
}

/**
 * The command that runs `program` on a terminal whose keyboard is standard input. The program's output goes to the
 * streams of the command; the terminal's own output, in which an early password would show, goes nowhere.
 */
export function onTerminal(
  program: string,
  args: readonly string[],
): { readonly program: string; readonly args: readonly string[] } {
  const line = `exec ${[program, ...args].map(quoted).join(' ')} >&3 2>&4`;
  const outer = 'SHELL=/bin/sh exec script -qefc "$1" /dev/null 3>&1 4>&2 >/dev/null';
  return { program: 'sh', args: ['-c', outer, 'sh', line] };
}

/** Quotes a text of any content as one word for a shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
