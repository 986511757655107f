import type { Flags } from './flag-types.js';

/** The flags of every command that asks a cluster: which one, who asks, in which namespace. */
export const globalFlags = {
  kubeconfig: {
    type: 'text',
    value: 'FILE',
    help: "the file with clusters and users (default $KUBECONFIG, else the home's)",
  },
  context: { type: 'text', value: 'NAME', help: 'the context in it instead of the current one' },
  cluster: { type: 'text', value: 'NAME', help: 'the cluster in it' },
  user: { type: 'text', value: 'NAME', help: 'the user in it' },
  namespace: { type: 'text', short: 'n', value: 'NAME', help: 'the namespace' },
  server: { type: 'text', short: 's', value: 'URL', help: 'the address of the API server' },
  token: { type: 'text', value: 'TOKEN', help: 'a bearer token' },
  as: { type: 'text', value: 'USER', help: 'the user to impersonate' },
  'as-group': { type: 'list', value: 'GROUP', help: 'a group to impersonate; may be repeated' },
  'as-uid': { type: 'text', value: 'UID', help: 'the uid to impersonate' },
  'certificate-authority': { type: 'text', value: 'FILE', help: "the server's authority" },
  'client-certificate': { type: 'text', value: 'FILE', help: 'the certificate of the user' },
  'client-key': { type: 'text', value: 'FILE', help: 'the key of that certificate' },
  'insecure-skip-tls-verify': {
    type: 'bool',
    help: "do not check the server's certificate; what is sent may be read by others",
  },
  'tls-server-name': { type: 'text', value: 'NAME', help: "the name in the server's certificate" },
  'request-timeout': {
    type: 'text',
    value: 'DURATION',
    default: '0',
    help: 'how long a request may take, for example 10s; 0 is without a bound',
  },
  v: { type: 'int', short: 'v', default: 0, help: 'verbosity; from 6 on requests are written out' },
} as const satisfies Flags;
