/**
 * Reads strace's record of a process' calls on files below one directory: one file a thread, with times, data in
 * hexadecimal.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Calls that change files, their names, or how durable they are; and those that would, if anybody used them. */
const calls = [
  'openat',
  'mkdir',
  'rename',
  'unlink',
  'ftruncate',
  'pwrite64',
  'fsync',
  'fdatasync',
  'write',
  'writev',
  'pwritev',
  'pwritev2',
  'fallocate',
  'copy_file_range',
  'sendfile',
  'link',
  'linkat',
  'mkdirat',
  'renameat',
  'renameat2',
  'unlinkat',
];

/** The words before a program that is to be traced. @param prefix of the files */
export function strace(prefix: string): readonly string[] {
  const options = ['-ff', '-ttt', '-T', '-y', '-xx', '-qq', '--seccomp-bpf', '-s', '16777216'];
  return ['strace', ...options, '-e', `trace=${calls.join()}`, '-o', prefix];
}

/** A call that had an effect. Microseconds since the epoch. */
export type DiskEvent = {
  readonly startUs: number;
  readonly endUs: number;
  readonly path: string;
} & (
  | { readonly kind: 'open' }
  | { readonly kind: 'makeDirectory' }
  | { readonly kind: 'remove' }
  | { readonly kind: 'sync' }
  | { readonly kind: 'rename'; readonly to: string }
  | { readonly kind: 'truncate'; readonly size: number }
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Buffer }
);

const line = /^(\d+)\.(\d{6}) (\w+)\((.*)\) += (-?\d+)(?:<[^>]*>)?.* <(\d+\.\d+)>$/;
const hexadecimal = /(?:\\x[0-9a-f]{2})+/g;

function bytesOf(text: string): Buffer {
  return Buffer.from(text.replaceAll('\\x', ''), 'hex');
}

/** @returns the effects, in the order in which they began; only of files below the directory */
export function readTrace(prefix: string, root: string): DiskEvent[] {
  const events: DiskEvent[] = [];
  const folder = dirname(prefix);
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(`${basename(prefix)}.`)) continue;
    for (const text of readFileSync(join(folder, name), 'latin1').split('\n')) {
      const event = eventOf(text, root);
      if (event !== undefined) events.push(event);
    }
  }
  return events.toSorted((a, b) => a.startUs - b.startUs);
}

function eventOf(text: string, root: string): DiskEvent | undefined {
  const [, seconds, micros, call = '', parameters = '', result, took] = line.exec(text) ?? [];
  if (Number(result) < 0) return undefined;
  const startUs = Number(seconds) * 1_000_000 + Number(micros);
  const times = { startUs, endUs: startUs + Number(took) * 1_000_000 };
  const words = parameters.match(hexadecimal)?.map(bytesOf) ?? [];
  const paths = words.slice(0, 2).map((word) => word.toString());
  // A path in angle brackets belongs to a descriptor; that of a file without a name any more counts for nothing.
  const [path = '', second = ''] = call === 'openat' ? [paths.at(-1)] : paths;
  if (!path.startsWith(`${root}/`) || parameters.includes('(deleted)')) return undefined;
  const numbers = parameters.match(/, (\d+)/g)?.map((word) => Number(word.slice(2))) ?? [];
  switch (call) {
    case 'openat':
      return parameters.includes('O_CREAT') ? { ...times, kind: 'open', path } : undefined;
    case 'mkdir':
      return { ...times, kind: 'makeDirectory', path };
    case 'unlink':
      return { ...times, kind: 'remove', path };
    case 'rename':
      return { ...times, kind: 'rename', path, to: second };
    case 'fsync':
    case 'fdatasync':
      return { ...times, kind: 'sync', path };
    case 'ftruncate':
      return { ...times, kind: 'truncate', path, size: numbers[0] ?? 0 };
    case 'pwrite64': {
      const position = numbers[1] ?? 0;
      return { ...times, kind: 'write', path, position, bytes: words[1] ?? Buffer.alloc(0) };
    }
    default:
      throw new Error(`the model of a disk does not know ${call} of ${path}`);
  }
}
