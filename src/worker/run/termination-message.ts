/** Reads the termination message of a container. @see kubelet getTerminationMessage */
import type { Container } from '../../api/types/core.js';
import { parseLogLine } from '../../runtime/log-file.js';
import type { PodFiles } from './pod-files.js';
import { endOfFile } from './pod-files.js';

/** @see kubelet MaxContainerTerminationMessageLength, …LogLength, …LogLines, MaxPodTerminationMessageLogLength */
export const messageLimits = {
  messageBytesMax: 4096,
  logBytesMax: 2048,
  logLinesMax: 80,
  /** Of all containers of a pod together: each gets its share. */
  podBytesMax: 12 * 1024,
  /** Read of a log's end: its stamps take room too, and a line of the log has at most 16 KiB. */
  logReadBytesMax: 32 * 1024,
} as const;

/** The end of the file; of the log instead if the container asks for it, failed, and wrote nothing. */
export async function terminationMessage(options: {
  readonly container: Container;
  /** The number of the pod's containers, init and ephemeral ones included. */
  readonly containersInPod: number;
  readonly exitCode: number;
  readonly messagePath: string;
  readonly logPath: string;
  /** Reads the end of either. @default that of the file on the disk */
  readonly files?: Pick<PodFiles, 'endOf'>;
}): Promise<string> {
  const { container, containersInPod, exitCode, messagePath, logPath } = options;
  const { files = { endOf: endOfFile } } = options;
  const share = Math.floor(messageLimits.podBytesMax / Math.max(1, containersInPod));
  const written = await files.endOf(messagePath, messageLimits.messageBytesMax);
  if (written.length > 0) return firstBytes(written.toString('utf8'), share);
  if (container.terminationMessagePolicy !== 'FallbackToLogsOnError' || exitCode === 0) return '';
  return firstBytes(await logEnd(files, logPath), share);
}

async function logEnd(files: Pick<PodFiles, 'endOf'>, path: string): Promise<string> {
  const end = await files.endOf(path, messageLimits.logReadBytesMax);
  const lines = end.toString('utf8').split('\n');
  if (end.length === messageLimits.logReadBytesMax) lines.shift();
  const text = lines
    .flatMap((line) => parseLogLine(Buffer.from(line)) ?? [])
    .slice(-messageLimits.logLinesMax)
    .map((entry) => `${entry.text.toString('utf8')}${entry.full ? '\n' : ''}`)
    .join('');
  return Buffer.from(text).subarray(-messageLimits.logBytesMax).toString('utf8');
}

function firstBytes(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text);
  return bytes.length <= bytesMax ? text : bytes.subarray(0, bytesMax).toString('utf8');
}
