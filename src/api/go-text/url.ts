/** Reads URLs as Go does, with its words where they are none. Pure. @see Go net/url, Parse */
import { goQuote } from './quote.js';

/** The parts of a URL that is one. */
export interface GoUrl {
  readonly scheme: string;
  readonly host: string;
  /** `NAME:PASSWORD`, escaped; undefined where there is none. */
  readonly user: string | undefined;
  readonly fragment: string;
  readonly query: string;
}

/** What is wrong with a text that is no URL. */
class UrlFault extends Error {
  readonly code = 'BAD_URL';
}

/**
 * Reads a URL.
 * @returns its parts, or what Go says of the text
 */
export function parseGoUrl(text: string): GoUrl | string {
  const [url, fragment] = cut(text, '#');
  const faultOf = (source: string, read: () => GoUrl): GoUrl | string => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof UrlFault)) throw error;
      return `parse ${goQuote(source)}: ${error.message}`;
    }
  };
  const parts = faultOf(url, () => parse(url));
  if (typeof parts === 'string') return parts;
  return faultOf(text, () => ({ ...parts, fragment: unescape(fragment) }));
}

function cut(text: string, at: string): [before: string, after: string] {
  const index = text.indexOf(at);
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + at.length)];
}

function parse(text: string): GoUrl {
  // eslint-disable-next-line no-control-regex
  if (/[\x00-\x1f\x7f]/.test(text)) throw new UrlFault('net/url: invalid control character in URL');
  if (text.startsWith(':')) throw new UrlFault('missing protocol scheme');
  const scheme = /^[a-zA-Z][a-zA-Z0-9+.-]*(?=:)/.exec(text)?.[0] ?? '';
  const [rest, query] = cut(scheme === '' ? text : text.slice(scheme.length + 1), '?');
  const found = { scheme: scheme.toLowerCase(), host: '', user: undefined, fragment: '', query };
  if (!rest.startsWith('/')) {
    if (scheme !== '') return found;
    if (cut(rest, '/')[0].includes(':')) {
      throw new UrlFault('first path segment in URL cannot contain colon');
    }
  }
  const hasHost = rest.startsWith('//') && (scheme !== '' || !rest.startsWith('///'));
  const [authority] = cut(hasHost ? rest.slice(2) : '', '/');
  const place = hasHost ? authorityOf(authority) : { host: '', user: undefined };
  unescape(hasHost ? rest.slice(2 + authority.length) : rest);
  return { ...found, ...place };
}

function authorityOf(authority: string): Pick<GoUrl, 'host' | 'user'> {
  const at = authority.lastIndexOf('@');
  const host = hostOf(authority.slice(at + 1));
  if (at < 0) return { host, user: undefined };
  const user = authority.slice(0, at);
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(user)) {
    throw new UrlFault('net/url: invalid userinfo');
  }
  unescape(user);
  return { host, user };
}

function hostOf(host: string): string {
  const bracket = host.lastIndexOf(']');
  if (host.startsWith('[') && bracket < 0) throw new UrlFault("missing ']' in host");
  const colon = host.startsWith('[') ? bracket + 1 : host.lastIndexOf(':');
  const port = colon < 0 ? '' : host.slice(colon);
  if (!/^(?::\d*)?$/.test(port)) throw new UrlFault(`invalid port ${goQuote(port)} after host`);
  const bad = /%(?!25|[89a-fA-F][\da-fA-F]).{0,2}/.exec(host);
  if (bad !== null) throw new UrlFault(`invalid URL escape ${goQuote(bad[0])}`);
  const odd = /[^A-Za-z0-9!$&'()*+,;=:[\]<>"\-_.~%\u0080-\uffff]/.exec(host);
  if (odd !== null) throw new UrlFault(`invalid character ${goQuote(odd[0])} in host name`);
  return host;
}

/** Takes escapes away; bytes that are no UTF-8 become U+FFFD. */
function unescape(text: string): string {
  const bad = /%(?![\da-fA-F]{2}).{0,2}/.exec(text);
  if (bad !== null) throw new UrlFault(`invalid URL escape ${goQuote(bad[0])}`);
  return text.replace(/(?:%[\da-fA-F]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('%', ''), 'hex').toString(),
  );
}
