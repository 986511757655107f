/**
 * A connection to a pod's address as a session, in the form in which the runtime gives a connection to a pod's
 * loopback.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Clock } from '../../lib/clock.js';
import type { ExecOutput, ExecResult, ExecSession } from '../../runtime/types.js';
import { sessionLimits } from './session-limits.js';

/** The address and port to connect to. */
export interface AddressTarget {
  readonly address: string;
  readonly port: number;
  readonly clock: Clock;
}

/** Connects; what goes wrong with it is the session's result. */
export function connectAddress(target: AddressTarget, output: ExecOutput): ExecSession {
  const { address: host, port, clock } = target;
  const socket = connect({ host, port });
  let closed = false;
  const cancel = clock.schedule(sessionLimits.dialMs, () => {
    socket.destroy(new Error('i/o timeout'));
  });
  socket.once('connect', cancel);
  socket.on('data', (data: Buffer) => {
    if (!closed && !output.stdout(data)) socket.pause();
  });
  socket.on('drain', () => output.drain?.());
  socket.once('end', () => {
    if (!closed) output.ended?.();
  });
  return {
    write: (data) => !socket.writable || socket.write(data),
    closeStdin: () => {
      socket.end();
    },
    resize: () => true,
    resume: () => {
      socket.resume();
    },
    close: () => {
      closed = true;
      socket.destroy();
    },
    done: ended(socket, cancel),
  };
}

function ended(socket: Socket, cancel: () => void): Promise<ExecResult> {
  return new Promise((resolve) => {
    let problem: string | undefined;
    socket.on('error', (error) => {
      problem ??= textOf(error);
    });
    socket.once('close', () => {
      cancel();
      resolve(problem === undefined ? { exitCode: 0 } : { exitCode: 1, error: problem });
    });
  });
}

/** As Go says it, since that is what clients of Kubernetes know. */
function textOf(error: Error & { readonly code?: string }): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'connect: connection refused';
    case 'EHOSTUNREACH':
      return 'connect: no route to host';
    case 'ENETUNREACH':
      return 'connect: network is unreachable';
    default:
      return error.message;
  }
}
