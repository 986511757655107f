/**
 * The API server's certificates: read from the files that its flags name, taken up when they change, and watched until
 * they end.
 */
import { readFileSync } from 'node:fs';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { Registry } from '../../lib/metrics.js';
import { parseEncryptionKeys } from '../../lib/pki/encryption-keys.js';
import type { EncryptionKey } from '../../lib/pki/encryption-keys.js';
import { watchExpiry } from '../../lib/pki/expiry.js';
import { FileChanges } from '../../lib/pki/file-change.js';
import { clientTlsFromFiles, serverTlsFromFiles } from '../../lib/pki/tls-files.js';
import type { ClientFiles, ServerFiles, TlsFileSource } from '../../lib/pki/tls-files.js';
import { RenewableTls } from '../../lib/pki/tls-source.js';
import type { TlsSource } from '../../lib/pki/tls-source.js';
import type { ServiceAccountKeys } from './authn/service-account-tokens.js';

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
  readonly requestheaderClientCaFile?: string;
  readonly proxyClientCertFile?: string;
  readonly proxyClientKeyFile?: string;
  readonly encryptionKeyFile?: string;
  readonly serviceAccountSigningKeyFile: string;
  readonly serviceAccountKeyFile?: readonly string[];
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
  /** For servers of APIServices; undefined where there is none. */
  readonly frontProxy: TlsFileSource<ServerFiles<Buffer>> | undefined;
  /** The keys of tokens. */
  readonly serviceAccount: TlsSource<ServiceAccountKeys>;
  /** The keys of now that values in the store are encrypted with; undefined where they are not. */
  readonly encryptionKeys: (() => readonly EncryptionKey[]) | undefined;
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
      this.kubelet = this.#pair(
        flags.kubeletCertificateAuthority,
        flags.kubeletClientCertificate,
        flags.kubeletClientKey,
      );
      this.frontProxy = this.#pair(
        flags.requestheaderClientCaFile,
        flags.proxyClientCertFile,
        flags.proxyClientKeyFile,
      );
      this.serviceAccount = this.#followTokenKeys(flags, tools);
      this.encryptionKeys = this.#followKeys(flags.encryptionKeyFile, tools);
    } catch (error) {
      this.stop();
      throw error;
    }
    const { serving, etcd, kubelet, frontProxy, registry } = this;
    const certificates = {
      serving: () => serving.current.cert,
      'client-ca': () => serving.current.ca,
      'etcd-client': () => etcd.current.cert,
      'etcd-ca': () => etcd.current.ca,
      'kubelet-client': () => kubelet?.current.cert,
      'kubelet-ca': () => kubelet?.current.ca,
      'front-proxy-client': () => frontProxy?.current.cert,
      'front-proxy-ca': () => frontProxy?.current.ca,
    };
    this.#ends.push(watchExpiry(certificates, { registry, ...tools }));
  }

  stop(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  /** A pair whose files are all named. */
  #pair(
    ca: string | undefined,
    cert: string | undefined,
    key: string | undefined,
  ): TlsFileSource<ServerFiles<Buffer>> | undefined {
    if (ca === undefined || cert === undefined || key === undefined) return undefined;
    return this.#keep(serverTlsFromFiles({ ca, cert, key }, this));
  }

  #followTokenKeys(
    { serviceAccountSigningKeyFile, serviceAccountKeyFile = [] }: CertificateFlags,
    tools: { readonly clock: Clock; readonly log: Logger },
  ): TlsSource<ServiceAccountKeys> {
    const read = (): ServiceAccountKeys => ({
      signingKey: readFileSync(serviceAccountSigningKeyFile),
      publicKeys: serviceAccountKeyFile.map((path) => readFileSync(path)),
    });
    const changes = new FileChanges([serviceAccountSigningKeyFile, ...serviceAccountKeyFile]);
    const source = new RenewableTls(read());
    this.#ends.push(changes.follow({ ...tools, reload: async () => source.renew(read()) }));
    return source;
  }

  /** What cannot be read later on is not taken up: the keys of before hold. */
  #followKeys(
    path: string | undefined,
    tools: { readonly clock: Clock; readonly log: Logger },
  ): (() => readonly EncryptionKey[]) | undefined {
    if (path === undefined) return undefined;
    const changes = new FileChanges([path]);
    let keys = parseEncryptionKeys(readFileSync(path));
    const reload = async (): Promise<void> => {
      keys = parseEncryptionKeys(readFileSync(path));
    };
    this.#ends.push(changes.follow({ ...tools, reload }));
    return () => keys;
  }

  #keep<T>(source: TlsFileSource<T>): TlsFileSource<T> {
    this.#ends.push(() => source.stop());
    return source;
  }
}
