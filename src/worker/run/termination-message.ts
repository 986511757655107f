/** What an ended container says about its end. @see kubelet getTerminationMessage */
import { open, readFile } from 'node:fs/promises';
import type { Container } from '../../api/types/core.js';
import { parseLogLine } from '../../runtime/log-file.js';

const messageBytesMax = 4096;
const logBytesMax = 2048;
const logLinesMax = 80;

/** The file's content; the log's end instead if the container asks for it, failed, and wrote nothing. */
export async function terminationMessage(options: {
  readonly container: Container;
  readonly exitCode: number;
  readonly messagePath: string;
  readonly logPath: string;
}): Promise<string> {
  const { container, exitCode, messagePath, logPath } = options;
  const written = await readFile(messagePath).catch(() => Buffer.alloc(0));
  if (written.length > 0) return written.subarray(0, messageBytesMax).toString('utf8');
  if (container.terminationMessagePolicy !== 'FallbackToLogsOnError' || exitCode === 0) return '';
  return logEnd(logPath);
}

async function logEnd(path: string): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    // Stamps take room too: what is kept is cut to size below.
    const length = Math.min(size, logBytesMax * 4);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const lines = buffer.toString('utf8').split('\n');
    if (length < size) lines.shift();
    const text = lines
      .flatMap((line) => parseLogLine(Buffer.from(line)) ?? [])
      .slice(-logLinesMax)
      .map(({ text, full }) => `${text.toString('utf8')}${full ? '\n' : ''}`)
      .join('');
    return text.slice(-logBytesMax);
  } finally {
    await file.close();
  }
}
