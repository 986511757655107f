/** Golden files: ingresses and requests in, what is done with each out. `UPDATE=1` records them anew. */
import { describe, expect, test } from '@jest/globals';
import type { Ingress } from '../../api/types/networking.js';
import { compareGolden, goldenNames } from '../../lib/testkit/golden.js';
import { parseCidr } from '../address.js';
import { decide } from './decide.js';
import type { RequestFacts } from './request-line.js';
import type { Backend } from './route-table.js';
import { RouteTable } from './route-table.js';

const directory = 'src/netproxy/ingress/testdata/decisions';

/** A section of a file. */
interface Section {
  /** By name, the specs of the ingresses; those of the section before when it has none. */
  readonly ingresses?: Readonly<
    Record<string, Ingress['spec'] & { readonly annotations?: Record<string, string> }>
  >;
  /** "METHOD TARGET HOST", then fields as "name: value", each after a semicolon. */
  readonly requests: readonly string[];
  /** @default 'http' */
  readonly scheme?: 'http' | 'https';
  /** @default 443 */
  readonly httpsPort?: number;
  /** @default '1.1' */
  readonly version?: string;
  /** Blocks of proxies; the sender is 192.0.2.1. */
  readonly trusted?: readonly string[];
}

function requestOf(text: string, version: string): RequestFacts {
  const [line = '', ...fields] = text.split('; ');
  const [method, url, ...hosts] = line.split(' ');
  const pairs = [
    ...hosts.map((host) => ['host', host] as const),
    ...fields.map((field) => field.split(': ') as [string, string]),
  ];
  const [major = 1, minor = 0] = version.split('.').map(Number);
  return {
    httpVersionMajor: major,
    httpVersionMinor: minor,
    method,
    url,
    // As Node.js: of several host fields the first counts.
    headers: Object.fromEntries(pairs.toReversed()),
    rawHeaders: pairs.flat(),
  };
}

/** Services `gone` have no endpoints; others have two, and it is the first one's turn. */
const backends = {
  next: ({ namespace, service, port }: Backend) =>
    service === 'gone'
      ? { kind: 'none' as const, reason: 'no endpoints' }
      : {
          kind: 'targets' as const,
          targets: [{ host: `${service}.${namespace}`, port: Number(port) || 8080 }],
        },
};

describe('decisions', () => {
  test.each(goldenNames(directory))('%s', async (name) => {
    let table = new RouteTable([]);
    const { found, wanted } = await compareGolden(directory, name, (input) => {
      const { ingresses, requests, ...given } = input as Section;
      if (ingresses !== undefined) {
        const objects = Object.entries(ingresses).map(([key, { annotations = {}, ...spec }]) => ({
          metadata: { namespace: 'default', name: key, annotations },
          spec,
        }));
        table = new RouteTable(objects);
      }
      const { scheme = 'http', httpsPort = 443, version = '1.1', trusted = [] } = given;
      const blocks = trusted.flatMap((block) => parseCidr(block) ?? []);
      const sender = { address: '192.0.2.1', scheme, port: 80, trusted: blocks };
      return requests
        .map((text) => {
          const parts = { table, backends, sender, httpsPort };
          const decision = decide(requestOf(text, version), parts);
          if (decision.kind === 'refuse') return `> ${text}\n${decision.status}`;
          if (decision.kind === 'redirect') return `> ${text}\nto ${decision.location}`;
          const { method, host, target, targets } = decision.request;
          const [first] = targets;
          return `> ${text}\n${first?.host}:${first?.port} ${method} ${target} host ${host === '' ? '-' : host}`;
        })
        .join('\n');
    });
    expect(found).toBe(wanted);
  });
});
