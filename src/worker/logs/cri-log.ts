/** Lines of a container's log file: `<RFC3339Nano> stdout|stderr F|P <text>`. @see CRI logging */

export interface LogLine {
  /** As written in the file. */
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** The text goes on in the next line of the same stream. */
  readonly partial: boolean;
  readonly content: Buffer;
}

const space = 0x20;

/** @param line without its newline. @returns undefined for what is no log line */
export function parseLogLine(line: Buffer): LogLine | undefined {
  const afterTime = line.indexOf(space);
  if (afterTime < 0) return undefined;
  const afterStream = line.indexOf(space, afterTime + 1);
  if (afterStream < 0) return undefined;
  const stream = line.toString('latin1', afterTime + 1, afterStream);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const afterTag = line.indexOf(space, afterStream + 1);
  const tagEnd = afterTag < 0 ? line.length : afterTag;
  const [tag] = line.toString('latin1', afterStream + 1, tagEnd).split(':');
  if (tag !== 'F' && tag !== 'P') return undefined;
  return {
    time: line.toString('latin1', 0, afterTime),
    stream,
    partial: tag === 'P',
    content: line.subarray(Math.min(line.length, tagEnd + 1)),
  };
}
