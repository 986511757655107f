/** URLs as Go's `net/url` takes them apart: absolute ones, or absolute paths. */

/** The parts of a URL. */
export interface ParsedUrl {
  readonly source: string;
  readonly scheme: string;
  readonly host: string;
  readonly hostname: string;
  readonly port: string;
  readonly escapedPath: string;
  readonly query: ReadonlyMap<string, readonly string[]>;
}

function problem(source: string, text: string): Error {
  return new Error(`parse ${JSON.stringify(source)}: ${text}`);
}

const controls = /[\u0000-\u001f\u007f]/; // eslint-disable-line no-control-regex -- what Go refuses

function unescape(source: string, isQuery: boolean): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(source)) return undefined;
  try {
    return decodeURIComponent(isQuery ? source.replaceAll('+', ' ') : source);
  } catch {
    return Buffer.from(
      source.replaceAll(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      ),
      'latin1',
    ).toString();
  }
}

function readQuery(source: string): Map<string, string[]> {
  const out = new Map<string, string[]>();
  for (const pair of source === '' ? [] : source.split('&')) {
    if (pair === '' || pair.includes(';')) continue;
    const equals = pair.indexOf('=');
    const name = unescape(equals < 0 ? pair : pair.slice(0, equals), true);
    const value = unescape(equals < 0 ? '' : pair.slice(equals + 1), true);
    if (name === undefined || value === undefined) continue;
    out.set(name, [...(out.get(name) ?? []), value]);
  }
  return out;
}

/** What Go leaves as it is in a path; all else is escaped. */
function escapePath(path: string): string {
  return path.replaceAll(/[^A-Za-z0-9\-._~$&+,/:;=@%!'()*[\]]+/gu, (part) =>
    encodeURIComponent(part),
  );
}

/** Splits `user@host:port`. @returns what is wrong, in Go's words */
function readHost(authority: string): { host: string; hostname: string; port: string } | string {
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  if (host.startsWith('[')) {
    const end = host.indexOf(']');
    if (end < 0) return "missing ']' in host";
    const rest = host.slice(end + 1);
    if (!/^(:\d*)?$/.test(rest)) return `invalid port ${JSON.stringify(rest)} after host`;
    return { host, hostname: host.slice(1, end), port: rest.slice(1) };
  }
  const colon = host.indexOf(':');
  if (colon < 0) return { host, hostname: host, port: '' };
  const port = host.slice(host.lastIndexOf(':'));
  if (!/^:\d*$/.test(port) || host.indexOf(':') !== host.lastIndexOf(':')) {
    return `invalid port ${JSON.stringify(host.indexOf(':') === host.lastIndexOf(':') ? port : host.slice(host.lastIndexOf(':')))} after host`;
  }
  return { host, hostname: host.slice(0, colon), port: port.slice(1) };
}

/** Takes a URL apart. @returns an Error in Go's words */
export function parseUrl(source: string): ParsedUrl | Error {
  if (source === '') return problem(source, 'empty url');
  if (controls.test(source)) return problem(source, 'net/url: invalid control character in URL');
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(source)?.[1]?.toLowerCase() ?? '';
  if (scheme === '' && source.startsWith(':')) return problem(source, 'missing protocol scheme');
  let rest = scheme === '' ? source : source.slice(scheme.length + 1);
  if (scheme === '' && !rest.startsWith('/')) {
    return problem(source, 'invalid URI for request');
  }
  const fragment = rest.indexOf('#');
  if (fragment >= 0) rest = rest.slice(0, fragment);
  const mark = rest.indexOf('?');
  const query = mark < 0 ? '' : rest.slice(mark + 1);
  if (mark >= 0) rest = rest.slice(0, mark);
  let authority = { host: '', hostname: '', port: '' };
  if (rest.startsWith('//') && (scheme !== '' || !rest.startsWith('///'))) {
    if (scheme === '') return withPath(source, scheme, authority, rest, query);
    const slash = rest.indexOf('/', 2);
    const read = readHost(rest.slice(2, slash < 0 ? rest.length : slash));
    if (typeof read === 'string') return problem(source, read);
    if (/[ <>"`{}|\\^]/.test(read.host)) {
      const character = /[ <>"`{}|\\^]/.exec(read.host)?.[0] ?? '';
      return problem(source, `invalid character ${JSON.stringify(character)} in host name`);
    }
    authority = read;
    rest = slash < 0 ? '' : rest.slice(slash);
  } else if (scheme !== '' && !rest.startsWith('/')) {
    return withPath(source, scheme, authority, '', query);
  }
  return withPath(source, scheme, authority, rest, query);
}

function withPath(
  source: string,
  scheme: string,
  authority: { host: string; hostname: string; port: string },
  path: string,
  query: string,
): ParsedUrl | Error {
  const wrong = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(path)?.[0];
  if (wrong !== undefined) return problem(source, `invalid URL escape ${JSON.stringify(wrong)}`);
  return {
    source,
    scheme,
    ...authority,
    escapedPath: escapePath(path),
    query: readQuery(query),
  };
}
