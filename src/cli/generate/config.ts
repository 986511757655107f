/** `create configmap` and `create secret`: files and words as data. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { defineGroup } from '../command/spec.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineGenerator } from './generator.js';
import type { Made } from './generator.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

const sourceFlags = {
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

/** The data that the flags name. @throws CommandLineError */
export function readData(sources: Sources): ReadonlyMap<string, Buffer> {
  const data = new Map<string, Buffer>();
  const add = (key: string, value: Buffer): void => {
    if (!/^[-._a-zA-Z0-9]+$/.test(key)) {
      throw plain(
        `"${key}" is not a valid key name: a valid config key must consist of alphanumeric characters, '-', '_' or '.'`,
      );
    }
    if (data.has(key))
      throw plain(`cannot add key "${key}", another key by that name already exists`);
    data.set(key, value);
  };
  for (const literal of sources['from-literal']) {
    const at = literal.indexOf('=');
    if (at <= 0) throw plain(`invalid literal source ${literal}, expected key=value`);
    add(literal.slice(0, at), Buffer.from(unquoted(literal.slice(at + 1))));
  }
  for (const source of sources['from-file'])
    for (const [key, value] of filesOf(source)) add(key, value);
  for (const file of sources['from-env-file']) {
    for (const [key, value] of environmentOf(readFile(file).toString('utf8')))
      add(key, Buffer.from(value));
  }
  return data;
}

function unquoted(text: string): string {
  return /^(["'])[^]*\1$/.test(text) && text.length > 1 ? text.slice(1, -1) : text;
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    throw plain(`error reading ${path}: no such file or directory`);
  }
}

function filesOf(source: string): [string, Buffer][] {
  const at = source.indexOf('=');
  const path = at < 0 ? source : source.slice(at + 1);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw plain(`error reading ${path}: no such file or directory`);
  if (!found.isDirectory()) {
    return [[at < 0 ? basename(path) : source.slice(0, at), readFile(path)]];
  }
  if (at >= 0) throw plain('cannot give a key name for a directory path');
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry): [string, Buffer] => [entry.name, readFile(join(path, entry.name))])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function environmentOf(text: string): [string, string][] {
  return text
    .split('\n')
    .map((line) => line.trimStart())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const at = line.indexOf('=');
      // A name alone has the value that it has here.
      return at < 0 ? [line, process.env[line] ?? ''] : [line.slice(0, at), line.slice(at + 1)];
    });
}

/** True for bytes that are UTF-8. */
function isText(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString('utf8')).equals(bytes);
}

function base64Map(data: ReadonlyMap<string, Buffer>): Record<string, string> {
  return Object.fromEntries([...data].map(([key, value]) => [key, value.toString('base64')]));
}

/** `trireme create configmap`. */
export const createConfigMap = defineGenerator({
  name: 'configmap',
  aliases: ['cm'],
  summary: 'create a config map from words or files',
  usage: 'NAME [--from-file=[KEY=]FILE] [--from-literal=KEY=VALUE] [--from-env-file=FILE]',
  examples: [
    ['from words', 'trireme create configmap settings --from-literal=colour=blue'],
    ['from a file', 'trireme create configmap settings --from-file=app.conf'],
  ],
  flags: sourceFlags,
  make: (name, { flags }) => {
    const data = readData(flags);
    const texts = [...data].filter(([, value]) => isText(value));
    const binary = [...data].filter(([, value]) => !isText(value));
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name },
      ...(texts.length === 0
        ? {}
        : { data: Object.fromEntries(texts.map(([key, value]) => [key, value.toString('utf8')])) }),
      ...(binary.length === 0 ? {} : { binaryData: base64Map(new Map(binary)) }),
    };
  },
});

const createGenericSecret = defineGenerator({
  name: 'generic',
  summary: 'create a secret from words or files',
  usage: 'NAME [--type=TYPE] [--from-file=[KEY=]FILE] [--from-literal=KEY=VALUE]',
  examples: [['from words', 'trireme create secret generic login --from-literal=password=x']],
  flags: { ...sourceFlags, type: { type: 'text', value: 'TYPE', help: 'the type of the secret' } },
  make: (name, { flags }) => {
    const data = readData(flags);
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name },
      ...(data.size === 0 ? {} : { data: base64Map(data) }),
      ...(flags.type === undefined ? {} : { type: flags.type }),
    };
  },
});

const createTlsSecret = defineGenerator({
  name: 'tls',
  summary: 'create a secret with a certificate and its key',
  usage: 'NAME --cert=FILE --key=FILE',
  examples: [['for an ingress', 'trireme create secret tls site --cert=site.crt --key=site.key']],
  flags: {
    cert: { type: 'text', value: 'FILE', help: 'the certificate, PEM' },
    key: { type: 'text', value: 'FILE', help: 'its key, PEM' },
  },
  make: (name, { flags }) => {
    const { cert, key } = flags;
    if (cert === undefined || key === undefined) throw plain('key and cert must be specified');
    const data = {
      'tls.crt': readFile(cert).toString('base64'),
      'tls.key': readFile(key).toString('base64'),
    };
    return {
      apiVersion: 'v1',
      data,
      kind: 'Secret',
      metadata: { name },
      type: 'kubernetes.io/tls',
    } as Made;
  },
});

const createRegistrySecret = defineGenerator({
  name: 'docker-registry',
  summary: 'create a secret with which images are pulled',
  usage: 'NAME --docker-username=USER --docker-password=PASSWORD [--docker-server=HOST]',
  examples: [
    [
      'for a registry',
      'trireme create secret docker-registry pull --docker-server=r.example --docker-username=me --docker-password=x',
    ],
  ],
  flags: {
    'docker-server': {
      type: 'text',
      default: 'https://index.docker.io/v1/',
      value: 'HOST',
      help: 'the registry',
    },
    'docker-username': { type: 'text', value: 'USER', help: 'who pulls' },
    'docker-password': { type: 'text', value: 'PASSWORD', help: 'their password' },
    'docker-email': { type: 'text', value: 'EMAIL', help: 'their address' },
  },
  make: (name, { flags }) => {
    const {
      'docker-username': username,
      'docker-password': password,
      'docker-email': email,
    } = flags;
    const missing = ['docker-username', 'docker-password'].filter(
      (_, at) => [username, password][at] === undefined,
    );
    if (missing.length > 0)
      throw plain(`required flag(s) ${missing.map((f) => `"${f}"`).join(', ')} not set`);
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    const login = { username, password, ...(email === undefined ? {} : { email }), auth };
    const config = JSON.stringify({ auths: { [flags['docker-server']]: login } });
    return {
      apiVersion: 'v1',
      data: { '.dockerconfigjson': Buffer.from(config).toString('base64') },
      kind: 'Secret',
      metadata: { name },
      type: 'kubernetes.io/dockerconfigjson',
    } as Made;
  },
});

/** `trireme create secret`. */
export const createSecret = defineGroup({
  name: 'secret',
  summary: 'create a secret',
  examples: [['from words', 'trireme create secret generic login --from-literal=password=x']],
  subcommands: [createGenericSecret, createTlsSecret, createRegistrySecret],
});
