/** Opens the addresses that a runtime gives for exec, attach and port-forward: an upgrade to SPDY/3.1 over HTTP. */
import { request } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../lib/clock.js';
import { errorMessage } from '../../lib/errors.js';
import { SpdyConnection } from '../../lib/spdy/connection.js';
import { RuntimeError } from '../types.js';

/** The time that a runtime has to answer an upgrade. */
const upgradeMsMax = 30_000;
const refusalBytesMax = 4096;

/** The version of the streams' meaning that is asked for. */
export type StreamProtocol = 'v4.channel.k8s.io' | 'portforward.k8s.io';

/** Connects to a streaming address of the runtime. @throws RuntimeError Failed, Unsupported, DeadlineExceeded */
export async function openStreams(
  url: string,
  protocol: StreamProtocol,
  clock: Clock,
): Promise<SpdyConnection> {
  const target = URL.canParse(url) ? new URL(url) : undefined;
  if (target?.protocol !== 'http:') {
    const text = `the runtime's streaming address ${url} is not one of plain HTTP on this node`;
    throw new RuntimeError('Unsupported', text);
  }
  return new SpdyConnection(await upgraded(target, protocol, clock), undefined, clock);
}

function upgraded(target: URL, protocol: StreamProtocol, clock: Clock): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const asked = request(target, {
      method: 'POST',
      agent: false,
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'SPDY/3.1',
        'X-Stream-Protocol-Version': protocol,
        'Content-Length': 0,
      },
    });
    const cancel = clock.schedule(upgradeMsMax, () => {
      reject(new RuntimeError('DeadlineExceeded', 'the runtime does not open its streams'));
      asked.destroy();
    });
    asked.on('upgrade', (answer, socket: Socket, head) => {
      cancel();
      socket.setTimeout(0);
      if (answer.headers.upgrade?.toUpperCase() !== 'SPDY/3.1') {
        socket.destroy();
        const text = `the runtime upgrades to ${String(answer.headers.upgrade)}, not to SPDY/3.1`;
        reject(new RuntimeError('Unsupported', text));
        return;
      }
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    asked.on('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        text = (text + part).slice(0, refusalBytesMax);
      });
      answer.on('end', () => {
        cancel();
        reject(new RuntimeError('Failed', `${answer.statusCode ?? 0}: ${text.trim()}`));
      });
    });
    asked.on('error', (cause) => {
      cancel();
      reject(new RuntimeError('Failed', errorMessage(cause), { cause }));
    });
    asked.end();
  });
}
