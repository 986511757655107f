/**
 * What kubectl said and asked for, and what our commands say and ask for, about one cluster.
 *
 * ```
 * # A comment stays where it is.
 * $ get pods
 * | optional lines of standard input
 * what is printed
 * ! words on standard error
 * ? 1                                         (the exit code, when it is not 0)
 * > GET /api/v1/namespaces/home/pods?limit=500
 * ```
 *
 * A line `~ get pods` instead of `$ …` is a command that is meant to differ; the comment above says why, and what
 * ours does stands after `---- ours`. `UPDATE=kubectl` runs kubectl and records what it does, `UPDATE=differences`
 * marks what differs and records ours; a human reads the difference.
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { systemClock } from '../../lib/clock.js';
import type { CommandContext } from '../context.js';
import { createKubeClient } from '../kube/rest-client.js';
import { run } from '../main.js';
import type { ServedCluster } from './served-cluster.js';

/** A command line with what came of it. */
export interface Block {
  readonly comments: readonly string[];
  readonly command: string;
  readonly differs: boolean;
  readonly input: readonly string[];
  /** What kubectl did. */
  readonly expected: string;
  /** What ours does, where it is meant to differ. */
  readonly ours?: string;
}

const oursMark = '---- ours';

/** Reads a file's commands. */
export function readBlocks(path: string): Block[] {
  const blocks: Block[] = [];
  let comments: string[] = [];
  let lines: string[] = [];
  const flush = (): void => {
    const [first = '', ...rest] = lines;
    if (first !== '') {
      const input = rest.filter((line) => line.startsWith('| ')).map((line) => line.slice(2));
      const printed = rest.filter((line) => !line.startsWith('| '));
      const at = printed.indexOf(oursMark);
      const [command, differs] = [first.slice(2), first.startsWith('~ ')];
      const expected = printed.slice(0, at < 0 ? undefined : at);
      blocks.push({
        comments,
        command,
        differs,
        input,
        expected: expected.join('\n').trimEnd(),
        ...(at < 0
          ? {}
          : {
              ours: printed
                .slice(at + 1)
                .join('\n')
                .trimEnd(),
            }),
      });
      comments = [];
    }
    lines = [];
  };
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (/^[$~] /.test(line)) {
      flush();
      lines = [line];
    } else if (line.startsWith('# ')) {
      flush();
      comments.push(line);
    } else if (lines.length > 0) lines.push(line);
  }
  flush();
  return blocks;
}

/** Writes a file's commands with new answers. */
export function writeBlocks(path: string, blocks: readonly Block[]): void {
  const text = blocks.map(({ comments, command, differs, input, expected, ours }) =>
    [
      ...comments,
      `${differs ? '~' : '$'} ${command}`,
      ...input.map((line) => `| ${line}`),
      ...(expected === '' ? [] : [expected]),
      ...(!differs || ours === undefined ? [] : [oursMark, ...(ours === '' ? [] : [ours])]),
    ].join('\n'),
  );
  writeFileSync(path, `${text.join('\n\n')}\n`);
}

/** Words of a command line; those in single quotes are one. `.out/` is a directory that goes with the cluster. */
function wordsOf(command: string, home: string): string[] {
  return [...command.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) =>
    word.replaceAll("'", '').replace(/^\.out\//, `${home}/out/`),
  );
}

interface Ran {
  readonly out: string;
  readonly err: string;
  /** Null when it did not end by itself. */
  readonly code: number | null;
}

/** A command that takes longer is ended, and fails. All of a file should end long before. */
const boundMs = 10_000;

/** Runs kubectl. */
export function runKubectl(cluster: ServedCluster, block: Block): Promise<Ran> {
  const env = {
    PATH: process.env['PATH'],
    HOME: cluster.home,
    KUBECONFIG: cluster.kubeconfig,
    TZ: 'UTC',
  };
  const child = spawn('kubectl', wordsOf(block.command, cluster.home), { env, timeout: boundMs });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.end(inputOf(block));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ out, err, code }));
  });
}

/** Runs our command in this process, as if interrupted when it does not end. */
export async function runOurs(cluster: ServedCluster, block: Block): Promise<Ran> {
  let [out, err] = ['', ''];
  const clock = systemClock();
  const write = (text: string | Uint8Array): string => Buffer.from(text).toString('utf8');
  const context: CommandContext = {
    clock,
    out: (data) => void (out += write(data)),
    err: (data) => void (err += write(data)),
    drained: () => Promise.resolve(),
    input: () => Readable.from([Buffer.from(inputOf(block))]),
    connect: () => Promise.reject(new Error('no cluster services are served here')),
    kube: (flags) =>
      Promise.resolve(
        createKubeClient(
          { ...flags, kubeconfig: flags.kubeconfig ?? cluster.kubeconfig },
          { clock, err: context.err },
        ),
      ),
  };
  // Those of whoever runs this test are not ours to call.
  const foreign = process.rawListeners('SIGINT');
  let cancel = (): void => undefined;
  const bound = new Promise<null>((resolve) => {
    cancel = clock.schedule(boundMs, () => resolve(null));
  });
  try {
    const code = await Promise.race([run(wordsOf(block.command, cluster.home), context), bound]);
    if (code === null) {
      const own = process.rawListeners('SIGINT').filter((listener) => !foreign.includes(listener));
      for (const listener of own) Reflect.apply(listener, process, ['SIGINT']);
      cluster.cutConnections();
    }
    return { out, err, code };
  } finally {
    cancel();
  }
}

const inputOf = ({ input }: Block): string => input.map((line) => `${line}\n`).join('');

/** What may differ from run to run. Blanks that align are two. */
const masks: readonly (readonly [RegExp, string])[] = [
  [/\bX509SHA256=[0-9a-f]{64}\b/g, 'X509SHA256=<certificate>'],
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '<uid>'],
  [/\bkubectl\b(?!\.kubernetes)/g, 'trireme'],
  [/127\.0\.0\.1:\d+/g, '<server>'],
  [/\b10\.96\.\d+\.\d+\b/g, '<cluster-ip>'],
  [/resourceVersion: "\d+"|"resourceVersion": "\d+"/g, '<version>'],
  [/"resourceVersion":"\d+"/g, '"resourceVersion":"<version>"'],
  [/\bto be 1, was \d+/g, 'to be 1, was <version>'],
  [/resourceVersion=\d+/g, 'resourceVersion=<version>'],
  [/^ *Resource Version:.*$/gm, 'Resource Version: <version>'],
  [/\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+\d{4}/g, '<time>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g, '<time>'],
  [/(?<=^| |\()(?:\d+[dhms]){1,2}(?=$| |\))/gm, '<age>'],
  [/\/tmp\/(?:trireme-diff-\w+\/)?(LIVE|MERGED)(?:-\d+)?/g, '<$1>'],
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ [+-]\d{4}/g, '<time>'],
  [/\bmade-[a-z0-9]{5}\b/g, 'made-<id>'],
  // kubectl before 1.34 prints what is not there.
  [/^ *creationTimestamp: null\n/gm, ''],
  [/^( *metadata:)(?: \{\})?\n/gm, '$1\n'],
  [/See 'trireme([\w -]*?) (?:-h' for help and examples|--help' for usage\.?)/g, "See 'trireme$1'"],
  [/ {2,}/g, '  '],
  [/[ \t]+$/gm, ''],
];

function masked(text: string): string {
  return masks.reduce((all, [pattern, symbol]) => all.replace(pattern, symbol), text);
}

/** How a client finds out what a server has, which each does in its own way. */
const discovery = /^\/(?:api|apis|version|openapi\/.*|apis?\/[^/]+(?:\/v[^/]+)?|trireme\/.*)$/;
/** Parameters of a request that say who asks, or vary by chance. */
const incidental: Readonly<Record<string, string>> = {
  fieldManager: '<manager>',
  timeoutSeconds: '<seconds>',
};

/** The requests since the last command that are about objects, in order. */
function requestLines(cluster: ServedCluster): string[] {
  return cluster.takeRequests().flatMap(({ method, url, body }) => {
    const { pathname, searchParams } = new URL(url, 'http://server');
    if (discovery.test(pathname)) return [];
    // Parameters of one name have an order; their names have none.
    const query = [...searchParams]
      .toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)))
      .map(([name, value]) => `${name}=${incidental[name] ?? value}`);
    const target = query.length === 0 ? pathname : `${pathname}?${query.join('&')}`;
    const line = masked(`> ${method} ${target}`);
    return body === '' ? [line] : [line, `>   ${masked(bodyText(body))}`];
  });
}

/** A body with sorted fields, without those that say nothing. */
function bodyText(body: string): string {
  const tidy = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(tidy);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([name, held]) => name !== 'creationTimestamp' || held !== null)
        .filter(([name, held]) => name !== 'status' || JSON.stringify(held) !== '{}')
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, held]) => [name, tidy(held)]),
    );
  };
  try {
    return JSON.stringify(tidy(JSON.parse(body)));
  } catch {
    return JSON.stringify(body);
  }
}

const protobufBody = '>   <protobuf>';
/** Streams and logs: what is read else, and how often, is each client's own affair. */
const stream = /\/(?:exec|attach|portforward|log)(?:\?|$)/;

/**
 * A run as it is compared: without kubectl's log lines, and of the requests those that write or open a stream, in
 * what they mean. `apply` and `diff` have requests of their own, for ours are the server's; bodies that kubectl sends
 * as protobuf are not looked into.
 * @param other the run beside it
 */
export function comparable(text: string, command: string, other: string): string {
  const isApply = /^(?:apply|diff)\b/.test(command);
  const isOpaque = `${text}${other}`.includes('"k8s\\u0000');
  let isKept = true;
  return text
    .split('\n')
    .flatMap((line) => {
      if (/^! [EFIW]\d{4} \d\d:/.test(line)) return [];
      if (!line.startsWith('> ')) return [line];
      if (line.startsWith('>   ')) {
        if (!isKept) return [];
        return [isOpaque ? protobufBody : meaningOf(line)];
      }
      isKept = !isApply && (!line.startsWith('> GET ') || stream.test(line));
      return isKept
        ? [line.replaceAll(/[?&](?:fieldValidation=\w+|fieldManager=<manager>)/g, '')]
        : [];
    })
    .join('\n');
}

/** A body without what says the same in each client's own words. */
function meaningOf(line: string): string {
  return line
    .replace(
      '"apiVersion":"v1",',
      line.includes('"kind":"DeleteOptions"') ? '' : '"apiVersion":"v1",',
    )
    .replace('"kind":"DeleteOptions",', '')
    .replace(/"metadata":\{"resourceVersion":"<version>"\},/, '')
    .replace(/,"namespace":"home"/, '');
}

/** A run as the golden files hold it. */
export function shown({ out, err, code }: Ran, cluster: ServedCluster): string {
  const ended = out === '' || out.endsWith('\n') ? out : `${out}\n`;
  const words = err.replace(/\n$/, '').split('\n');
  return [
    ...(out === '' ? [] : [masked(ended).replace(/\n$/, '')]),
    ...(err === '' ? [] : words.map((line) => masked(`! ${line}`).trimEnd())),
    ...(code === 0 ? [] : [`? ${code}`]),
    ...requestLines(cluster),
  ]
    .join('\n')
    .trimEnd();
}
