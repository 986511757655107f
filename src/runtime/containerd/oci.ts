/** The parts of the OCI runtime specification (1.0.2) and of the OCI image configuration that we write and read. */

/** A file system that a container sees. */
export interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** As whom the first process runs. */
export interface OciUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids?: readonly number[];
}

/** A rule of the cgroup about devices. */
export interface OciDeviceRule {
  readonly allow: boolean;
  readonly type?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly access: string;
}

/** A device file that is made in the container. */
export interface OciDevice {
  readonly path: string;
  readonly type: string;
  readonly major: number;
  readonly minor: number;
}

/** A device of the node as a container is to have it, and what it may do with it. */
export interface GivenDevice extends OciDevice {
  readonly access: string;
}

/** A container's `config.json`. @see OCI runtime specification 1.0.2 */
export interface OciSpec {
  readonly ociVersion: string;
  readonly process: {
    readonly terminal: boolean;
    readonly user: OciUser;
    readonly args: readonly string[];
    readonly env: readonly string[];
    readonly cwd: string;
    readonly capabilities: Readonly<
      Record<'bounding' | 'effective' | 'permitted' | 'inheritable' | 'ambient', readonly string[]>
    >;
    readonly rlimits: readonly {
      readonly type: string;
      readonly hard: number;
      readonly soft: number;
    }[];
    readonly noNewPrivileges: boolean;
    readonly oomScoreAdj?: number;
  };
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly hostname?: string;
  readonly mounts: readonly OciMount[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly linux: {
    readonly namespaces: readonly { readonly type: string; readonly path?: string }[];
    readonly cgroupsPath: string;
    readonly resources: {
      readonly devices: readonly OciDeviceRule[];
      readonly memory?: { readonly limit?: number; readonly swap?: number };
      readonly cpu?: {
        readonly shares?: number;
        readonly quota?: number;
        readonly period?: number;
      };
      readonly pids?: { readonly limit: number };
    };
    readonly devices?: readonly OciDevice[];
    readonly sysctl?: Readonly<Record<string, string>>;
    readonly maskedPaths?: readonly string[];
    readonly readonlyPaths?: readonly string[];
    readonly rootfsPropagation?: string;
    readonly seccomp?: unknown;
  };
}
