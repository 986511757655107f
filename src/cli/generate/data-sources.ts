/** Data of config maps and secrets: words, files, directories, files of variables. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { goQuote } from '../../api/go-text/quote.js';
import { configKeyErrors, regexError } from '../../api/validation/names.js';
import { CommandLineError } from '../command/command-line-error.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** The flags that name data. */
export const sourceFlags = {
  'from-literal': {
    type: 'list',
    value: 'KEY=VALUE',
    help: 'a key with its value; may be repeated',
  },
  'from-file': {
    type: 'list',
    value: '[KEY=]FILE',
    help: 'a file or a directory of files; may be repeated',
  },
  'from-env-file': {
    type: 'list',
    value: 'FILE',
    help: 'a file with lines KEY=VALUE; may be repeated',
  },
} as const;

/** The values of {@link sourceFlags}. */
export interface Sources {
  readonly 'from-literal': readonly string[];
  readonly 'from-file': readonly string[];
  readonly 'from-env-file': readonly string[];
}

/** What kubectl says of a key that cannot be, or that is there already. */
export interface KeyWords {
  readonly invalid: (key: string, why: string) => string;
  readonly taken: (key: string, isText: boolean) => string;
}

/** The data that the flags name. @throws CommandLineError in kubectl's words, which differ by kind */
export function readData(sources: Sources, words: KeyWords): ReadonlyMap<string, Buffer> {
  const files = sources['from-env-file'];
  if (files.length > 0 && sources['from-file'].length + sources['from-literal'].length > 0) {
    throw plain('from-env-file cannot be combined with from-file or from-literal');
  }
  const data = new Map<string, Buffer>();
  const add = (key: string, value: Buffer): void => {
    const wrong = configKeyErrors(key);
    if (wrong.length > 0) throw plain(words.invalid(key, wrong.join(',')));
    if (data.has(key)) throw plain(words.taken(key, isText(value)));
    data.set(key, value);
  };
  for (const source of sources['from-file'])
    for (const [key, value] of filesOf(source)) add(key, value);
  for (const literal of sources['from-literal']) {
    const at = literal.indexOf('=');
    if (at <= 0) throw plain(`invalid literal source ${literal}, expected key=value`);
    add(literal.slice(0, at), Buffer.from(literal.slice(at + 1)));
  }
  for (const file of files)
    for (const [key, value] of environmentOf(file, readFile(file))) add(key, Buffer.from(value));
  return data;
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    throw plain(`error reading ${path}: no such file or directory`);
  }
}

function filesOf(source: string): [string, Buffer][] {
  const [first = '', path = first, more] = source.split('=');
  const key = path === first && !source.includes('=') ? undefined : first;
  if (more !== undefined) throw plain("key names or file paths cannot contain '='");
  if (key === '') throw plain(`key name for file path ${path} missing`);
  if (key !== undefined && path === '') throw plain(`file path for key name ${key} missing`);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw plain(`error reading ${path}: no such file or directory`);
  if (!found.isDirectory()) return [[key ?? basename(path), readFile(path)]];
  if (key !== undefined) throw plain('cannot give a key name for a directory path');
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isFile() && configKeyErrors(entry.name).length === 0)
    .map((entry): [string, Buffer] => [entry.name, readFile(join(path, entry.name))])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

const environmentName = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;
const byteOrderMark = /^\uFEFF/;

/** Lines `NAME=value`; a name alone has the value that it has here. @throws CommandLineError */
function environmentOf(file: string, bytes: Buffer): [string, string][] {
  return linesOf(bytes).flatMap((bytesOfLine, at): [string, string][] => {
    if (!isText(bytesOfLine)) {
      const shown = `[${[...bytesOfLine].join(' ')}]`;
      throw plain(`env file ${file} contains invalid utf8 bytes at line ${at + 1}: ${shown}`);
    }
    const line = bytesOfLine.toString('utf8').replace(byteOrderMark, '');
    const text = line.trimStart();
    if (text === '' || text.startsWith('#')) return [];
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    checkVariableName(name);
    if (equals >= 0) return [[name, text.slice(equals + 1)]];
    const here = process.env[name] ?? '';
    return here === '' ? [] : [[name, here]];
  });
}

/** @throws CommandLineError for what is no name of a variable */
export function checkVariableName(name: string): void {
  if (environmentName.test(name)) return;
  throw plain(`${goQuote(name)} is not a valid key name: ${environmentNameText}`);
}

/** Lines of bytes, without what ends them. */
function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf('\n', start);
    const end = found < 0 ? bytes.length : found;
    lines.push(bytes.subarray(start, bytes[end - 1] === 13 ? end - 1 : end));
    start = end + 1;
  }
  return lines;
}

const environmentNameText = regexError(
  "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
  environmentName.source.slice(1, -1),
  'my.env-name',
  'MY_ENV.NAME',
  'MyEnvName1',
);

/** True for bytes that are UTF-8. */
export function isText(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString('utf8')).equals(bytes);
}
