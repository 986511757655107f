/** The frames of `v5.channel.k8s.io`, in which exec travels over a WebSocket: the first byte names the channel. */

/** The protocol's name in the handshake. */
export const execProtocol = 'v5.channel.k8s.io';

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;
const encoder = new TextEncoder();

/** What a frame of the server is. */
export type ExecMessage =
  | { readonly kind: 'output'; readonly bytes: Uint8Array }
  | { readonly kind: 'ended'; readonly text: string }
  | { readonly kind: 'other' };

/** What is typed. */
export function stdinFrame(text: string): Uint8Array<ArrayBuffer> {
  return frame(channels.stdin, encoder.encode(text));
}

/** The terminal's size, as it is now. */
export function resizeFrame(columns: number, rows: number): Uint8Array<ArrayBuffer> {
  return frame(channels.resize, encoder.encode(JSON.stringify({ Width: columns, Height: rows })));
}

/** Reads a frame of the server. */
export function readFrame(data: ArrayBuffer): ExecMessage {
  const bytes = new Uint8Array(data);
  const rest = bytes.subarray(1);
  switch (bytes[0]) {
    case channels.stdout:
    case channels.stderr:
      return { kind: 'output', bytes: rest };
    case channels.error:
      return { kind: 'ended', text: endText(new TextDecoder().decode(rest)) };
    default:
      return { kind: 'other' };
  }
}

function frame(channel: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(content.length + 1);
  bytes[0] = channel;
  bytes.set(content, 1);
  return bytes;
}

interface EndStatus {
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly causes?: readonly { readonly reason?: string; readonly message?: string }[];
  };
}

/** The end in words: the command's exit code, or why there was none. */
function endText(json: string): string {
  try {
    const status = JSON.parse(json) as EndStatus;
    if (status.status === 'Success') return 'The command ended.';
    const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
    if (code !== undefined) return `The command ended with exit code ${code}.`;
    return status.message ?? 'The command failed.';
  } catch {
    return json.trim() === '' ? 'The command failed.' : json.trim();
  }
}
