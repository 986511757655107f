/**
 * Reads a container's log as `kubectl logs` wants it: across a rotation, from a time or the last lines on, and
 * onwards.
 */
import { stat } from 'node:fs/promises';
import type { LogsRequest } from '../../gen/agent.js';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { LogEntry } from '../../runtime/log-file.js';
import { LineReader, parseLogLine } from '../../runtime/log-file.js';

/** The log to read, and the part of it that is asked for. */
export interface LogStreamOptions {
  readonly path: string;
  readonly request: Pick<
    LogsRequest,
    'follow' | 'timestamps' | 'tailLines' | 'sinceSeconds' | 'sinceTime' | 'limitBytes'
  >;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** False once the container writes no more. */
  readonly isWriting: () => boolean;
}

/** The interval at which a follower looks for new lines. */
const followMs = 50;
const chunkBytesMax = 32 * 1024;

/** Yields the text in order, in chunks; holds one chunk, however long the log is. */
export async function* streamLog(options: LogStreamOptions): AsyncGenerator<Buffer> {
  const formatter = new Formatter(options);
  yield* present(options, formatter);
  if (!options.request.follow || formatter.isFull) return;
  yield* follow(options, formatter);
}

/** A part of the log, up to where it went when it was opened. */
interface Part {
  readonly reader: LineReader;
  readonly size: number;
}

/** Yields the log as it is now, the rotated part first; with `tailLines`, only that many of its last lines. */
async function* present(options: LogStreamOptions, formatter: Formatter): AsyncGenerator<Buffer> {
  const { path, request } = options;
  const { tailLines } = request;
  const rotated = await openPart(`${path}.1`);
  const current = await openPart(path);
  const parts = [rotated, current].filter((part) => part !== undefined);
  try {
    // With the last lines wanted it is read twice: once to count, since what is kept meanwhile would have the
    // client's size.
    let skipped = 0;
    if (tailLines !== undefined) {
      let count = 0;
      for (const part of parts) {
        for await (const entries of entriesOf(part, formatter)) count += entries.length;
        part.reader.rewind();
      }
      skipped = Math.max(0, count - tailLines);
    }
    for (const part of parts) {
      for await (const entries of entriesOf(part, formatter)) {
        const wanted = skipped === 0 ? entries : entries.slice(skipped);
        skipped -= Math.min(skipped, entries.length);
        yield* chunksOf(wanted, formatter);
        if (formatter.isFull) return;
      }
    }
    if (current !== undefined) formatter.readTo = current.reader.position;
  } finally {
    for (const { reader } of parts) await reader.close();
  }
}

async function openPart(path: string): Promise<Part | undefined> {
  const reader = await LineReader.open(path).catch(() => undefined);
  return reader === undefined ? undefined : { reader, size: (await reader.stat()).size };
}

/** The entries that are wanted, some lines at a time. */
async function* entriesOf(
  { reader, size }: Part,
  formatter: Formatter,
): AsyncGenerator<readonly LogEntry[]> {
  while (reader.position < size) {
    const lines = await reader.read();
    if (lines.length === 0) return;
    yield lines
      .flatMap((line) => parseLogLine(line) ?? [])
      .filter((entry) => formatter.isWanted(entry));
  }
}

async function* follow(options: LogStreamOptions, formatter: Formatter): AsyncGenerator<Buffer> {
  const { path, clock, signal, isWriting } = options;
  let reader: LineReader | undefined;
  try {
    while (!signal.aborted) {
      const last = !isWriting();
      reader ??= await LineReader.open(path, formatter.readTo).catch(() => undefined);
      const lines = (await reader?.read()) ?? [];
      const entries = lines.flatMap((line) => parseLogLine(line) ?? []);
      for (const chunk of chunksOf(entries, formatter)) yield chunk;
      if (formatter.isFull) return;
      if (lines.length > 0) continue;
      if (reader !== undefined && (await isRotated(reader, path))) {
        await reader.close();
        reader = undefined;
        formatter.readTo = 0;
        continue;
      }
      if (last) return;
      await delay(clock, followMs, signal);
    }
  } finally {
    await reader?.close();
  }
}

async function isRotated(reader: LineReader, path: string): Promise<boolean> {
  const [own, now] = await Promise.all([reader.stat(), stat(path).catch(() => undefined)]);
  return now !== undefined && now.ino !== own.ino;
}

function chunksOf(entries: readonly LogEntry[], formatter: Formatter): Buffer[] {
  const chunks: Buffer[] = [];
  let parts: Buffer[] = [];
  let size = 0;
  for (const entry of entries) {
    if (formatter.isFull) break;
    for (const part of formatter.format(entry)) {
      parts.push(part);
      size += part.length;
    }
    if (size >= chunkBytesMax) {
      chunks.push(Buffer.concat(parts));
      parts = [];
      size = 0;
    }
  }
  if (size > 0) chunks.push(Buffer.concat(parts));
  return chunks;
}

/** Turns entries into text, within the limit of bytes. */
class Formatter {
  readonly #timestamps: boolean;
  readonly #sinceMs: number;
  #bytesLeft: number;
  /** A partial entry came before: what follows continues its line. */
  #midLine = false;
  /** Position in the present file up to which everything was read. */
  readTo = 0;

  constructor({ request, clock }: LogStreamOptions) {
    const { timestamps, sinceSeconds, sinceTime, limitBytes } = request;
    this.#timestamps = timestamps;
    this.#bytesLeft = limitBytes ?? Number.POSITIVE_INFINITY;
    const fromTime = sinceTime === '' ? Number.NEGATIVE_INFINITY : Date.parse(sinceTime);
    const fromSeconds =
      sinceSeconds === undefined ? Number.NEGATIVE_INFINITY : clock.nowMs() - sinceSeconds * 1000;
    this.#sinceMs = Math.max(fromTime, fromSeconds);
  }

  get isFull(): boolean {
    return this.#bytesLeft <= 0;
  }

  isWanted({ timestamp }: LogEntry): boolean {
    return this.#sinceMs === Number.NEGATIVE_INFINITY || Date.parse(timestamp) >= this.#sinceMs;
  }

  format(entry: LogEntry): Buffer[] {
    const parts: Buffer[] = [];
    if (this.#timestamps && !this.#midLine) parts.push(Buffer.from(`${entry.timestamp} `));
    parts.push(entry.text);
    if (entry.full) parts.push(newline);
    this.#midLine = !entry.full;
    const cut: Buffer[] = [];
    for (const part of parts) {
      if (this.#bytesLeft <= 0) break;
      const kept = part.length <= this.#bytesLeft ? part : part.subarray(0, this.#bytesLeft);
      this.#bytesLeft -= kept.length;
      cut.push(kept);
    }
    return cut;
  }
}

const newline = Buffer.from('\n');
