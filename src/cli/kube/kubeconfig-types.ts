/** A kubeconfig, as its file has it. */
export interface Kubeconfig {
  apiVersion?: string;
  kind?: string;
  'current-context'?: string;
  clusters?: { name: string; cluster?: ClusterEntry }[];
  contexts?: { name: string; context?: ContextEntry }[];
  users?: { name: string; user?: UserEntry }[];
}

/** An API server. */
export interface ClusterEntry {
  server?: string;
  'certificate-authority-data'?: string;
  'certificate-authority'?: string;
  'insecure-skip-tls-verify'?: boolean;
  'tls-server-name'?: string;
  extensions?: { name: string; extension?: { servers?: string[] } }[];
}

/** A cluster, who asks it, and where. */
export interface ContextEntry {
  cluster?: string;
  user?: string;
  namespace?: string;
}

/** How a user proves who it is. */
export interface UserEntry {
  'client-certificate-data'?: string;
  'client-certificate'?: string;
  'client-key-data'?: string;
  'client-key'?: string;
  token?: string;
  tokenFile?: string;
  username?: string;
  password?: string;
  as?: string;
  'as-uid'?: string;
  'as-groups'?: string[];
  'as-user-extra'?: Record<string, string[]>;
  exec?: {
    apiVersion: string;
    command: string;
    args?: string[] | null;
    env?: { name: string; value: string }[] | null;
  };
}
