/** Header fields of one connection, which a proxy never passes on (RFC 9110, section 7.6.1). */

const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** A `Connection` field that names these would change where a message ends, or whom it is for. */
const never: ReadonlySet<string> = new Set(['content-length', 'host', 'set-cookie']);

/**
 * Tells which fields stay on a connection: the ones that always do, and those that its `Connection` field names.
 * @returns a test for names in lower case
 */
export function staysOnConnection(connection: string | undefined): (name: string) => boolean {
  const options = (connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const named = new Set(options.filter((name) => !never.has(name)));
  return (name) => hopByHop.has(name) || named.has(name);
}
