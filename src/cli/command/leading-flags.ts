import { globalFlags } from './global-flags.js';
import type { Flags } from './flag-types.js';

const flags: Flags = globalFlags;

/** `-n jobs get pods` as `get pods -n jobs`: flags of every command may stand before its name. */
export function moveLeadingFlags(argv: readonly string[]): readonly string[] {
  let at = 0;
  while (at < argv.length && (argv[at] ?? '').startsWith('-'))
    at += takesNext(argv[at] ?? '') ? 2 : 1;
  const leading = argv.slice(0, at);
  const [name, ...rest] = argv.slice(at);
  return name === undefined ? argv : [name, ...leading, ...rest];
}

/** True for a flag whose value is the next word. */
function takesNext(word: string): boolean {
  const found = Object.entries(flags).find(
    ([name, { short }]) => word === `--${name}` || (short !== undefined && word === `-${short}`),
  );
  return found !== undefined && found[1].type !== 'bool';
}
