import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

/** One entry of a CRI log. */
export interface LogEntry {
  /** With nine digits after the second, as the kubelet prints it; containerd leaves zeros at the end out. */
  readonly timestamp: string;
  readonly stream: 'stdout' | 'stderr';
  /** False: the line goes on in the next entry of the same stream. */
  readonly full: boolean;
  readonly text: Buffer;
}

/** Reads one line, without its newline; undefined for what is no entry. */
export function parseLogLine(line: Buffer): LogEntry | undefined {
  const first = line.indexOf(0x20);
  const second = line.indexOf(0x20, first + 1);
  const third = line.indexOf(0x20, second + 1);
  if (first < 0 || second < 0 || third < 0) return undefined;
  const stream = line.toString('latin1', first + 1, second);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  return {
    timestamp: nineDigits(line.toString('latin1', 0, first)),
    stream,
    full: line.toString('latin1', second + 1, third) === 'F',
    text: line.subarray(third + 1),
  };
}

/** `2026-01-02T03:04:05Z` and with fewer digits after the second; an offset is left as it is. */
function nineDigits(timestamp: string): string {
  if (timestamp.length === 30 || !timestamp.endsWith('Z')) return timestamp;
  const [whole = '', fraction = ''] = timestamp.slice(0, -1).split('.');
  return `${whole}.${fraction.padEnd(9, '0')}Z`;
}

const chunkBytes = 64 * 1024;
/** The shim cuts lines at 16 KiB, a stamp before each. */
const lineBytesMax = 256 * 1024;

/** Reads a growing file line by line; what is not yet a whole line stays for the next call. */
export class LineReader {
  readonly #file: FileHandle;
  #position: number;
  #rest: Buffer = Buffer.alloc(0);

  private constructor(file: FileHandle, position: number) {
    this.#file = file;
    this.#position = position;
  }

  static async open(path: string, position = 0): Promise<LineReader> {
    return new LineReader(await open(path, 'r'), position);
  }

  get position(): number {
    return this.#position - this.#rest.length;
  }

  /** The next read begins at the start. */
  rewind(): void {
    this.#position = 0;
    this.#rest = Buffer.alloc(0);
  }

  /** The whole lines of the next chunk; empty: nothing more at the moment. */
  async read(): Promise<Buffer[]> {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (;;) {
      const { bytesRead } = await this.#file.read(buffer, 0, chunkBytes, this.#position);
      if (bytesRead === 0) return [];
      this.#position += bytesRead;
      const data = Buffer.concat([this.#rest, buffer.subarray(0, bytesRead)]);
      const lines: Buffer[] = [];
      let at = 0;
      for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, at)) {
        lines.push(data.subarray(at, end));
        at = end + 1;
      }
      this.#rest = data.subarray(at);
      // No line of the shim is that long: whatever this is, it is let go before it costs memory.
      if (this.#rest.length > lineBytesMax) this.#rest = Buffer.alloc(0);
      if (lines.length > 0) return lines;
    }
  }

  async stat(): Promise<{ readonly ino: number; readonly size: number }> {
    const { ino, size } = await this.#file.stat();
    return { ino, size };
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
