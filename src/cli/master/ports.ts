import { createServer } from 'node:net';
import type { MasterOptions } from './options.js';

/** A port that this master needs is taken: it cannot start. */
export class PortInUseError extends Error {
  override readonly name = 'PortInUseError';
  readonly code = 'PORT_IN_USE';
  readonly retryable = false;
}

/**
 * Tries the ports before any component does: one reason, told once, in place of components that fail one after the
 * other.
 * @throws PortInUseError
 */
export async function mustBeFree({ address, ports }: MasterOptions): Promise<void> {
  // As the API server listens: on all addresses, unless only this machine is to reach it.
  const apiHost = address === '127.0.0.1' ? address : '0.0.0.0';
  const wanted = [
    { flag: '--rest-port', host: apiHost, port: ports.rest },
    { flag: '--grpc-port', host: apiHost, port: ports.grpc },
    { flag: '--etcd-client-port', host: address, port: ports.etcdClient },
    { flag: '--etcd-peer-port', host: address, port: ports.etcdPeer },
    { flag: '--scheduler-port', host: apiHost, port: ports.scheduler },
    { flag: '--controller-manager-port', host: apiHost, port: ports.controllerManager },
  ].filter(({ port }) => port !== 0);
  for (const { flag, host, port } of wanted) {
    const code = await tryToListen(host, port);
    if (code !== undefined) {
      throw new PortInUseError(`cannot listen on ${host}:${port} (${flag}): ${code}`);
    }
  }
}

/** @returns the system's code of the failure */
function tryToListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
