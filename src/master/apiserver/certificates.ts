/**
 * The API server's certificates: read from the files that its flags name, taken up when they change, and watched until
 * they end.
 */
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { Registry } from '../../lib/metrics.js';
import { watchExpiry } from '../../lib/pki/expiry.js';
import { clientTlsFromFiles, serverTlsFromFiles } from '../../lib/pki/tls-files.js';
import type { ClientFiles, ServerFiles, TlsFileSource } from '../../lib/pki/tls-files.js';

/** The flags that name files; kube-apiserver's. */
export interface CertificateFlags {
  readonly clientCaFile: string;
  readonly tlsCertFile: string;
  readonly tlsPrivateKeyFile: string;
  readonly etcdCafile?: string;
  readonly etcdCertfile?: string;
  readonly etcdKeyfile?: string;
  readonly kubeletCertificateAuthority?: string;
  readonly kubeletClientCertificate?: string;
  readonly kubeletClientKey?: string;
}

/** The certificates and keys that an API server serves and calls with, read from files. */
export class ApiServerCertificates {
  readonly clock: Clock;
  readonly log: Logger;
  /** When each of them begins and ends. */
  readonly registry = new Registry();
  /** Shown to clients. */
  readonly serving: TlsFileSource<ServerFiles<Buffer>>;
  /** For connections to the store. */
  readonly etcd: TlsFileSource<ClientFiles<Buffer>>;
  /** For connections to nodes; undefined where there are none. */
  readonly kubelet: TlsFileSource<ServerFiles<Buffer>> | undefined;
  readonly #ends: (() => void)[] = [];

  /** @throws the system's error when a file cannot be read; nothing goes on then */
  constructor(flags: CertificateFlags, tools: { readonly clock: Clock; readonly log: Logger }) {
    this.clock = tools.clock;
    this.log = tools.log;
    try {
      this.serving = this.#keep(
        serverTlsFromFiles(
          { ca: flags.clientCaFile, cert: flags.tlsCertFile, key: flags.tlsPrivateKeyFile },
          tools,
        ),
      );
      this.etcd = this.#keep(
        clientTlsFromFiles(
          { ca: flags.etcdCafile, cert: flags.etcdCertfile, key: flags.etcdKeyfile },
          tools,
        ),
      );
      const ca = flags.kubeletCertificateAuthority;
      const cert = flags.kubeletClientCertificate;
      const key = flags.kubeletClientKey;
      const isComplete = ca !== undefined && cert !== undefined && key !== undefined;
      this.kubelet = isComplete
        ? this.#keep(serverTlsFromFiles({ ca, cert, key }, tools))
        : undefined;
    } catch (error) {
      this.stop();
      throw error;
    }
    const { serving, etcd, kubelet, registry } = this;
    const certificates = {
      serving: () => serving.current.cert,
      'client-ca': () => serving.current.ca,
      'etcd-client': () => etcd.current.cert,
      'etcd-ca': () => etcd.current.ca,
      'kubelet-client': () => kubelet?.current.cert,
      'kubelet-ca': () => kubelet?.current.ca,
    };
    this.#ends.push(watchExpiry(certificates, { registry, ...tools }));
  }

  stop(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  #keep<T>(source: TlsFileSource<T>): TlsFileSource<T> {
    this.#ends.push(() => source.stop());
    return source;
  }
}
