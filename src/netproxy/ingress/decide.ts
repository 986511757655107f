/** Decides what happens to a request, before anything of it is sent anywhere. */
import type { Backends, Target } from './backends.js';
import type { Sender } from './fields.js';
import { goesInCircle, sentScheme } from './fields.js';
import type { RequestFacts } from './request-line.js';
import { readRequest } from './request-line.js';
import type { RouteTable } from './route-table.js';

/** The decision about a request. */
export type Decision =
  | { readonly kind: 'refuse'; readonly status: number }
  | { readonly kind: 'redirect'; readonly location: string }
  | { readonly kind: 'forward'; readonly request: Forwarded };

/** A request as its backend is to see it. */
export interface Forwarded {
  readonly method: string;
  readonly host: string;
  /** Path and query. */
  readonly target: string;
  /** The one whose turn it is first; never empty. */
  readonly targets: readonly Target[];
}

/** ACME's challenges are fetched over plain HTTP, and often before there is a certificate. */
const neverRedirected = '/.well-known/acme-challenge/';

/** Finds the route of a request, and says what is done with it. Pure but for whose turn it is among the endpoints. */
export function decide(
  req: RequestFacts,
  parts: {
    readonly table: RouteTable;
    readonly backends: Pick<Backends, 'next'>;
    readonly sender: Sender;
    readonly httpsPort: number;
  },
): Decision {
  const { table, backends, sender, httpsPort } = parts;
  const line = readRequest(req);
  if ('status' in line) return { kind: 'refuse', status: line.status };
  if (goesInCircle(req.headers)) return { kind: 'refuse', status: 508 };
  const found = table.route(line.host, line.path);
  if (found === 'ambiguous') return { kind: 'refuse', status: 400 };
  const { route, path } = found;
  if (route === undefined) return { kind: 'refuse', status: 404 };
  const target = `${path}${line.query}`;
  const plain = sentScheme(req.headers, sender) === 'http';
  if (route.redirects && plain && !path.startsWith(neverRedirected)) {
    const port = httpsPort === 443 ? '' : `:${httpsPort}`;
    return {
      kind: 'redirect',
      location: `https://${line.host.replace(/:\d+$/, '')}${port}${target}`,
    };
  }
  const { method, host } = line;
  const next = backends.next(route.backend);
  if (next.kind === 'none') return { kind: 'refuse', status: 503 };
  return { kind: 'forward', request: { method, host, target, targets: next.targets } };
}
