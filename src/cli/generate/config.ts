/** `create configmap` and `create secret`: files and words as data. */
import { readFileSync } from 'node:fs';
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { goQuote } from '../../api/go-text/quote.js';
import { errorMessage } from '../../lib/errors.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineGroup } from '../command/spec.js';
import { compactJson, escapeHtml } from '../print/json.js';
import type { KeyWords } from './data-sources.js';
import { isText, readData, sourceFlags } from './data-sources.js';
import { defineGenerator } from './generator.js';
import type { Made } from './generator.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

const hashFlag = {
  'append-hash': { type: 'bool', default: false, help: 'let the name end with a hash of the data' },
} as const;

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
  flags: { ...sourceFlags, ...hashFlag },
  make: (name, { flags }) => {
    const data = readData(flags, {
      invalid: (key, why) => `${goQuote(key)} is not a valid key name for a ConfigMap: ${why}`,
      taken: (key, text) =>
        `cannot add key ${goQuote(key)}, another key by that name already exists in ${text ? 'Data' : 'BinaryData'} for ConfigMap ${goQuote(name)}`,
    });
    const texts = [...data].filter(([, value]) => isText(value));
    const binary = [...data].filter(([, value]) => !isText(value));
    const content = {
      data: Object.fromEntries(texts.map(([key, value]) => [key, value.toString('utf8')])),
      ...(binary.length === 0 ? {} : { binaryData: base64Map(new Map(binary)) }),
    };
    const hash = hashOf({ kind: 'ConfigMap', name, ...content });
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: flags['append-hash'] ? `${name}-${hash}` : name },
      ...content,
      ...(texts.length === 0 ? { data: undefined } : {}),
    };
  },
});

/** Letters that spell no words, in place of those that might. */
const hashLetters = new Map(Object.entries({ 0: 'g', 1: 'h', 3: 'k', a: 'm', e: 't' }));
const hashLength = 10;

/** A hash of an object that may end a name: other data, another name. */
function hashOf(content: object): string {
  const digest = createHash('sha256').update(compactJson(content)).digest('hex');
  return digest
    .slice(0, hashLength)
    .replaceAll(/[013ae]/g, (letter) => hashLetters.get(letter) ?? letter);
}

/** What a command makes a secret of. */
interface SecretContent {
  readonly type?: string | undefined;
  readonly data: ReadonlyMap<string, Buffer>;
}

function secret(
  name: string,
  content: SecretContent,
  flags: { readonly 'append-hash': boolean },
): Made {
  const { type } = content;
  const data = base64Map(content.data);
  const hash = hashOf({ kind: 'Secret', type: type ?? '', name, data });
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: flags['append-hash'] ? `${name}-${hash}` : name },
    ...(content.data.size === 0 ? {} : { data }),
    ...(type === undefined || type === '' ? {} : { type }),
  };
}

const secretWords: KeyWords = {
  invalid: (key, why) => `${goQuote(key)} is not valid key name for a Secret ${why}`,
  taken: (key) => `cannot add key ${key}, another key by that name already exists`,
};

const createGenericSecret = defineGenerator({
  name: 'generic',
  summary: 'create a secret from words or files',
  usage: 'NAME [--type=TYPE] [--from-file=[KEY=]FILE] [--from-literal=KEY=VALUE]',
  examples: [['from words', 'trireme create secret generic login --from-literal=password=x']],
  flags: {
    ...sourceFlags,
    ...hashFlag,
    type: { type: 'text', value: 'TYPE', help: 'the type of the secret' },
  },
  make: (name, { flags }) =>
    secret(name, { type: flags.type, data: readData(flags, secretWords) }, flags),
});

const createTlsSecret = defineGenerator({
  name: 'tls',
  summary: 'create a secret with a certificate and its key',
  usage: 'NAME --cert=FILE --key=FILE',
  examples: [['for an ingress', 'trireme create secret tls site --cert=site.crt --key=site.key']],
  flags: {
    ...hashFlag,
    cert: { type: 'text', value: 'FILE', help: 'the certificate, PEM' },
    key: { type: 'text', value: 'FILE', help: 'its key, PEM' },
  },
  make: (name, { flags }) => {
    const { cert = '', key = '' } = flags;
    if (cert === '' || key === '') throw plain('key and cert must be specified');
    const [certificate, privateKey] = [readPem(cert), readPem(key)];
    checkKeyPair(certificate, privateKey);
    const data = new Map([
      ['tls.crt', certificate],
      ['tls.key', privateKey],
    ]);
    return secret(name, { type: 'kubernetes.io/tls', data }, flags);
  },
});

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    throw plain(`Cannot read file ${path}, open ${path}: no such file or directory`);
  }
}

/** @throws CommandLineError in Go's words for what is no certificate, no key, or another's key */
function checkKeyPair(certificate: Buffer, key: Buffer): void {
  const has = (text: Buffer, what: RegExp): boolean => what.test(text.toString('latin1'));
  for (const [bytes, name, block] of [
    [certificate, 'certificate', /-----BEGIN CERTIFICATE-----/],
    [key, 'key', /-----BEGIN (?:\w+ )?PRIVATE KEY-----/],
  ] as const) {
    if (has(bytes, block)) continue;
    throw plain(
      has(bytes, /-----BEGIN /)
        ? `tls: failed to find ${name === 'key' ? 'PEM block with type ending in "PRIVATE KEY" in key' : '"CERTIFICATE" PEM block in certificate'} input after skipping PEM blocks of the following types: [${typesOf(bytes)}]`
        : `tls: failed to find any PEM data in ${name} input`,
    );
  }
  let isPair: boolean;
  try {
    isPair = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw plain(`tls: failed to parse private key: ${errorMessage(error)}`);
  }
  if (!isPair) throw plain('tls: private key does not match public key');
}

function typesOf(pem: Buffer): string {
  return [...pem.toString('latin1').matchAll(/-----BEGIN ([^-]+)-----/g)]
    .map(([, type = '']) => type)
    .join(' ');
}

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
    ...hashFlag,
    'docker-server': {
      type: 'text',
      default: 'https://index.docker.io/v1/',
      value: 'HOST',
      help: 'the registry',
    },
    'docker-username': { type: 'text', default: '', value: 'USER', help: 'who pulls' },
    'docker-password': { type: 'text', default: '', value: 'PASSWORD', help: 'their password' },
    'docker-email': { type: 'text', default: '', value: 'EMAIL', help: 'their address' },
    'from-file': sourceFlags['from-file'],
  },
  make: (name, { flags }) => {
    const type = 'kubernetes.io/dockerconfigjson';
    const files = flags['from-file'];
    if (files.length > 0) {
      const sources = { 'from-file': files, 'from-literal': [], 'from-env-file': [] };
      return secret(name, { type, data: readData(sources, secretWords) }, flags);
    }
    const {
      'docker-server': server,
      'docker-username': username,
      'docker-password': password,
      'docker-email': email,
    } = flags;
    if (server === '' || username === '' || password === '') {
      throw plain(
        'either --from-file or the combination of --docker-username, --docker-password and --docker-server is required',
      );
    }
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    const login = { username, password, ...(email === '' ? {} : { email }), auth };
    const config = escapeHtml(JSON.stringify({ auths: { [server]: login } }));
    return secret(
      name,
      { type, data: new Map([['.dockerconfigjson', Buffer.from(config)]]) },
      flags,
    );
  },
});

/** `trireme create secret`. */
export const createSecret = defineGroup({
  name: 'secret',
  summary: 'create a secret',
  examples: [['from words', 'trireme create secret generic login --from-literal=password=x']],
  subcommands: [createGenericSecret, createTlsSecret, createRegistrySecret],
});
