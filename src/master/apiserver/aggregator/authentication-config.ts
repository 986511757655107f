/**
 * The ConfigMap `extension-apiserver-authentication`: by it, servers behind this one learn whose client certificates
 * are good, and whose word about who asks (kube-apiserver's `clusterauthenticationtrust`).
 */
import { cloneJson } from '../../../api/clone.js';
import type { ConfigMap } from '../../../api/types/core.js';
import { semanticEqual } from '../../../api/equal.js';
import type { BootstrapDeps } from '../bootstrap/bootstrap.js';
import { ensure, systemContext } from '../bootstrap/bootstrap.js';
import { identityFields } from './identity.js';

/** The authorities of this server. */
export interface Trust {
  /** PEM: of client certificates. */
  readonly clientCa: string;
  /** PEM: of the certificates of front proxies; undefined where this server has none. */
  readonly frontProxyCa: string | undefined;
}

/** The common name of a front proxy's certificate. */
export const frontProxyName = 'front-proxy-client';

const name = 'extension-apiserver-authentication';
const namespace = 'kube-system';
const place = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, namespace } } as const;

/** Says whom to trust, beside what other masters say: each may have an authority of its own. */
export async function publishAuthentication(deps: BootstrapDeps, trust: Trust): Promise<void> {
  const context = systemContext(deps, place);
  const present = deps.objects.cached(context.target)?.parse<ConfigMap>();
  const wanted = authenticationData(present?.data ?? {}, trust);
  if (present === undefined) {
    const made: ConfigMap = { ...place, data: wanted };
    await ensure(deps, made);
    return;
  }
  if (semanticEqual(present.data, wanted)) return;
  await deps.writer.update(context, {
    createsMissing: true,
    tracksFields: false,
    next: (old) => {
      const before: Partial<ConfigMap> = old ?? {};
      const data = authenticationData(before.data ?? {}, trust);
      const next: ConfigMap = { ...place, ...before, data };
      return cloneJson(next);
    },
  });
}

/** The ConfigMap's data with this server's authorities in it. Pure. */
export function authenticationData(
  present: Readonly<Record<string, string>>,
  { clientCa, frontProxyCa }: Trust,
): Record<string, string> {
  const data: Record<string, string> = { ...present };
  data['client-ca-file'] = combined(present['client-ca-file'], clientCa);
  if (frontProxyCa === undefined) return data;
  data['requestheader-client-ca-file'] = combined(
    present['requestheader-client-ca-file'],
    frontProxyCa,
  );
  const lists: Readonly<Record<string, string>> = {
    'requestheader-allowed-names': frontProxyName,
    'requestheader-extra-headers-prefix': identityFields.extraPrefix,
    'requestheader-group-headers': identityFields.group,
    'requestheader-uid-headers': identityFields.uid,
    'requestheader-username-headers': identityFields.user,
  };
  for (const [key, value] of Object.entries(lists)) data[key] = withName(present[key], value);
  return data;
}

/** Certificates of both, each once. */
function combined(present: string | undefined, own: string): string {
  const all = [...certificatesOf(present ?? ''), ...certificatesOf(own)];
  return [...new Set(all)].map((text) => `${text}\n`).join('');
}

function certificatesOf(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
}

function withName(present: string | undefined, own: string): string {
  let names: unknown = [];
  try {
    names = JSON.parse(present ?? '[]');
  } catch {
    // What is no list is written anew.
  }
  const known = Array.isArray(names) ? names.map(String) : [];
  return JSON.stringify(known.includes(own) ? known : [...known, own]);
}
