/**
 * The header fields that go on, in both directions. Fields of one connection stay on it (RFC 9110, section 7.6.1), and
 * what tells the backend who its client is comes from us alone. Pure.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Cidr } from '../address.js';
import { cidrContains } from '../address.js';
import { staysOnConnection } from '../../lib/hop-by-hop.js';
import { passesMax } from './limits.js';

/** The fields that say who the client is, and `proxy`, which CGI programs take for a setting of their own. */
const ours =
  /^(?:x-forwarded-.*|x-real-ip|x-scheme|x-original-forwarded-for|forwarded|proxy|expect)$/;

/** Other names are ambiguous: CGI makes the same variable of `x-a` and `x_a`. nginx drops them too. */
const plainName = /^[a-z0-9-]+$/;

/** The sender of a request, by its connection. */
export interface Sender {
  /** The address that the connection comes from. */
  readonly address: string;
  readonly scheme: 'http' | 'https';
  /** The port that we listen at. */
  readonly port: number;
  /** Proxies whose fields about the client are believed. */
  readonly trusted: readonly Cidr[];
}

/** @param body whether one follows; without a length it goes in chunks */
export function requestFields(
  headers: IncomingHttpHeaders,
  host: string,
  sender: Sender,
  body: boolean,
): OutgoingHttpHeaders {
  const fields: OutgoingHttpHeaders = {};
  const stays = staysOnConnection(headers.connection);
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || !plainName.test(name) || ours.test(name)) continue;
    if (!stays(name)) fields[name] = value;
  }
  fields['host'] = host;
  Object.assign(fields, clientFields(headers, host, sender));
  fields[loopField] = [textOf(headers[loopField]), loopName]
    .filter((part) => part !== '')
    .join(', ');
  if (!body) {
    if (fields['content-length'] !== '0') delete fields['content-length'];
  } else if (fields['content-length'] === undefined) fields['transfer-encoding'] = 'chunked';
  return fields;
}

/**
 * The fields of a backend's answer that go on to the client: without those of the connection between us and the
 * backend.
 */
export function answerFields(headers: IncomingHttpHeaders, status: number): OutgoingHttpHeaders {
  const fields: OutgoingHttpHeaders = {};
  const stays = staysOnConnection(headers.connection);
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !stays(name)) fields[name] = value;
  }
  // RFC 9110, section 8.6: such an answer has no body whose length could be told.
  if (status === 204) delete fields['content-length'];
  return fields;
}

/** The client's fields without those that concern only the connection to us, such as `Expect` and `Upgrade`. */
function clientFields(
  headers: IncomingHttpHeaders,
  host: string,
  { address, scheme, port, trusted }: Sender,
): OutgoingHttpHeaders {
  const believed = isTrusted(address, trusted);
  const before = believed ? textOf(headers['x-forwarded-for']) : '';
  const chain = before.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
  const proto = sentScheme(headers, { address, scheme, trusted });
  const first = (name: string, otherwise: string): string => {
    const value = believed ? textOf(headers[name]).split(',', 1)[0]?.trim() : undefined;
    return value === undefined || value === '' ? otherwise : value;
  };
  return {
    'x-forwarded-for': [...chain, address].join(', '),
    // The last one that none of our proxies is.
    'x-real-ip': [...chain, address].findLast((one) => !isTrusted(one, trusted)) ?? address,
    'x-forwarded-host': first('x-forwarded-host', host),
    'x-forwarded-proto': proto,
    'x-forwarded-port': first('x-forwarded-port', String(port)),
    'x-forwarded-scheme': proto,
    'x-scheme': proto,
  };
}

/** Returns the scheme that the client used: with us, or with a proxy that we trust. */
export function sentScheme(
  headers: IncomingHttpHeaders,
  { address, scheme, trusted }: Pick<Sender, 'address' | 'scheme' | 'trusted'>,
): 'http' | 'https' {
  const told = isTrusted(address, trusted)
    ? textOf(headers['x-forwarded-proto']).split(',', 1)[0]?.trim().toLowerCase()
    : undefined;
  return told === 'http' || told === 'https' ? told : scheme;
}

/** RFC 8586: every pass leaves our name, so that a circle is seen. */
const loopField = 'cdn-loop';
const loopName = 'trireme-ingress';

/** Tells whether the request has passed our ingresses so often that it must be going in a circle. */
export function goesInCircle(headers: IncomingHttpHeaders): boolean {
  const passes = textOf(headers[loopField]).split(',');
  return passes.filter((name) => name.trim() === loopName).length >= passesMax;
}

/** Tells whether the address is in one of the blocks. */
export function isTrusted(address: string, trusted: readonly Cidr[]): boolean {
  return trusted.some((block) => cidrContains(block, address));
}

function textOf(value: string | readonly string[] | undefined): string {
  return typeof value === 'string' ? value : (value ?? []).join(', ');
}
