/**
 * Transcripts of command lines: `$ trireme …`, what it prints (words on standard error after `! `), and `? CODE` where
 * it does not end with 0. Lines that begin with `#` before a command say what it shows. `UPDATE=1` writes them anew.
 */
import type { GlobalValues } from '../kube/client-config.js';
import type { KubeClient } from '../kube/types.js';
import { readFileSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { ManualClock } from '../../lib/clock.js';
import type { Connection, ConnectionFlags } from '../connection.js';
import type { CommandContext } from '../context.js';
import { run } from '../main.js';
import type { FakeCluster } from './fake-cluster.js';

/** The time of every transcript. */
export const transcriptMs = Date.UTC(2026, 0, 1, 12);

/** Words of a command line; those in single quotes are one. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

/** A context that keeps what is written. */
export class RecordedContext implements CommandContext {
  readonly clock = new ManualClock(transcriptMs);
  readonly #cluster: FakeCluster;
  #text = '';
  #isError = false;

  constructor(cluster: FakeCluster) {
    this.#cluster = cluster;
  }

  /** All that was written, in order. */
  get text(): string {
    return this.#text;
  }

  readonly out = (data: string | Uint8Array): void => this.#write(textOf(data), false);

  readonly err = (data: string | Uint8Array): void => this.#write(textOf(data), true);

  readonly drained = (): Promise<void> => Promise.resolve();

  readonly connect = async (flags: ConnectionFlags): Promise<Connection> =>
    this.#cluster.connection(flags);

  readonly input = (): Readable => Readable.from([]);

  readonly kube = async (flags: GlobalValues): Promise<KubeClient> =>
    this.#cluster.kube(flags, this.clock);

  #write(text: string, isError: boolean): void {
    if (isError !== this.#isError && this.#text !== '' && !this.#text.endsWith('\n')) {
      this.#text += '\n';
    }
    this.#isError = isError;
    this.#text += isError
      ? text.replace(/^(?!$(?![\s\S]))/gm, '! ').replaceAll(/^! $/gm, '!')
      : text;
  }
}

function textOf(data: string | Uint8Array): string {
  return typeof data === 'string' ? data : Buffer.from(data).toString('utf8');
}

/** Runs one command line. @returns what it printed, and its exit code */
export async function runLine(line: string, cluster: FakeCluster): Promise<string> {
  const context = new RecordedContext(cluster);
  // Commands that run components write to the process's own streams.
  const streams = [process.stdout, process.stderr].map((stream) => ({
    stream,
    write: stream.write.bind(stream),
  }));
  process.stdout.write = (data: string | Uint8Array) => (context.out(data), true);
  process.stderr.write = (data: string | Uint8Array) => (context.err(data), true);
  let code: number;
  try {
    code = await run(wordsOf(line).slice(1), context);
  } finally {
    for (const { stream, write } of streams) stream.write = write;
  }
  const { text } = context;
  const ended = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  return code === 0 ? ended : `${ended}? ${code}\n`;
}

/** Runs a transcript. @returns it as it should read */
async function replay(text: string, cluster: FakeCluster): Promise<string> {
  let out = '';
  let isOutput = false;
  for (const line of text.split('\n')) {
    if (line.startsWith('$ ')) {
      out += `${line}\n${await runLine(line.slice(2), cluster)}`;
      isOutput = true;
    } else if (line.startsWith('# ')) {
      out += `${isOutput ? '\n' : ''}${line}\n`;
      isOutput = false;
    }
  }
  return out;
}

/** Compares a transcript with what its commands print now; with `UPDATE=1` it becomes that. */
export async function checkTranscript(
  path: string,
  cluster: FakeCluster,
): Promise<{ readonly is: string; readonly should: string }> {
  const should = readFileSync(path, 'utf8');
  const is = await replay(should, cluster);
  if (process.env['UPDATE'] !== undefined) {
    writeFileSync(path, is);
    return { is, should: is };
  }
  return { is, should };
}
