/** Which addresses a backend may have, and how its name is resolved. */
import { lookup } from 'node:dns/promises';
import type { LookupAddress, LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { addressFamily, cidrContains, parseCidr } from '../address.js';
import type { Target } from './backends.js';

const ownBlocks = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
].flatMap((text) => parseCidr(text) ?? []);

/**
 * Tells whether a backend may have this address. The node's own loopback, link-local and multicast addresses are
 * nobody's endpoints (as the API says of Endpoints), whatever an ExternalName resolves to.
 */
export function mayBeBackend(address: string): boolean {
  if (addressFamily(address) === 'IPv4') {
    return !ownBlocks.some((block) => cidrContains(block, address));
  }
  const text = address.toLowerCase();
  if (addressFamily(text) !== 'IPv6') return false;
  return !/^(?:::|fe[89ab]|ff)/.test(text);
}

/** Resolves a name of the cluster to its addresses, none where it is not there. @returns undefined for other names */
export type ResolveName = (host: string) => Promise<readonly string[] | undefined>;

async function addressesOf(
  host: string,
  options: LookupOptions,
  resolveName: ResolveName,
): Promise<readonly LookupAddress[]> {
  const own = await resolveName(host);
  if (own === undefined) return lookup(host, { ...options, all: true });
  return own.map((address) => ({ address, family: isIP(address) }));
}

/** Resolves names of backends to addresses that a backend may have. */
function lookupBackend(resolveName: ResolveName): LookupFunction {
  return (host, options, callback) => {
    addressesOf(host, options, resolveName).then(
      (found) => {
        const usable = found.filter(({ address }) => mayBeBackend(address));
        const [first] = usable;
        if (first === undefined) callback(new Error(`${host} is no address of a backend`), []);
        else if (options.all === true) callback(null, usable);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  };
}

/** Returns the options of a connection to a target; undefined for one that must not be connected to. */
export function connectOptions(
  target: Target,
  resolveName: ResolveName,
): { readonly host: string; readonly port: number; readonly lookup?: LookupFunction } | undefined {
  const { host, port } = target;
  if (target.external !== true) return { host, port };
  // An address is not looked up, so it is judged before.
  if (isIP(host) !== 0) return mayBeBackend(host) ? { host, port } : undefined;
  return { host, port, lookup: lookupBackend(resolveName) };
}
