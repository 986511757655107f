/**
 * A master whose certificates are made anew while it runs, as it does itself when a third of their year is left: all of
 * its ports take them up.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../../src/lib/clock.js';
import { createMasterCertificates } from '../../src/master/cluster/pki.js';
import { defaultSettings } from '../../src/master/cluster/settings.js';
import { ControlPlane, until } from './lib/control-plane.js';

const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;
const basePort = 24_620;
let plane: ControlPlane | undefined;

beforeAll(async () => {
  if (hasKubectl) plane = await ControlPlane.start({ basePort, nodes: [] });
}, 60_000);

afterAll(() => plane?.stop());

const pem = (name: string): Buffer => readFileSync(join(plane!.pkiDirectory, name));

/** The serial number of the certificate that is served at a port. */
function served(port: number, clientName: string): Promise<string> {
  const [cert, key] = [pem(`${clientName}.crt`), pem(`${clientName}.key`)];
  const options = { host: '127.0.0.1', port, cert, key, rejectUnauthorized: false };
  return new Promise((resolve, reject) => {
    const socket = tls.connect(options, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

const all = (): Promise<string[]> =>
  Promise.all([
    served(basePort, 'admin'),
    served(basePort + 1, 'admin'),
    served(basePort + 2, 'apiserver-etcd-client'),
    served(basePort + 3, 'etcd-peer'),
  ]);

(hasKubectl ? test : test.skip)(
  'new certificates are served at every port within seconds, and everybody goes on',
  async () => {
    const { pkiDirectory } = plane!;
    const before = await all();
    expect(before[0]).toBe(before[1]);
    expect(new Set(before).size).toBe(3);
    await createMasterCertificates({
      directory: pkiDirectory,
      name: 'm1',
      hosts: ['127.0.0.1'],
      settings: defaultSettings,
      clock: systemClock(),
    });
    await until(async () => {
      const now = await all();
      return now.every((serial, at) => serial !== before[at]);
    }, 60_000);
    await plane!.kubectl('create', 'configmap', 'after');
    const metrics = await plane!.kubectl('get', '--raw', '/metrics');
    expect(metrics).toMatch(
      /^trireme_certificate_not_after_timestamp_seconds\{certificate="serving"\} \d+$/m,
    );
    expect(metrics).toMatch(
      /^trireme_certificate_not_after_timestamp_seconds\{certificate="etcd-ca"\} \d+$/m,
    );
  },
  90_000,
);
