/**
 * Links of proxied answers: an absolute path of the backend becomes one below the proxy's own path, in `Location` and
 * in HTML, as apimachinery's proxy transport has it. Pure.
 */

/** The places that a link may name: all else stays as it is. */
export interface LinkPlaces {
  /** The path of the proxy, before the backend's own path. */
  readonly prefix: string;
  /** The names by which the backend was asked: its address, and what the client called this server. */
  readonly hosts: readonly string[];
}

const parts = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/s;

/** Returns the link as the client has to follow it. A link that is relative, or to another host, stays as it is. */
export function rewriteLink(link: string, { prefix, hosts }: LinkPlaces): string {
  const [, scheme = '', host = '', path = '', rest = ''] = parts.exec(link) ?? [];
  if (!path.startsWith('/') || (host !== '' && !hosts.includes(host))) return link;
  // An address without a host (`about:/x`) is nothing that the backend serves.
  if (scheme !== '' && host === '') return link;
  return `${path.startsWith(prefix) ? path : joinPath(prefix, path)}${rest}`;
}

/** Joins paths without dots and doubled slashes; a slash at the end stays. */
export function joinPath(...paths: readonly string[]): string {
  const kept: string[] = [];
  for (const part of paths.join('/').split('/')) {
    if (part === '..') kept.pop();
    else if (part !== '' && part !== '.') kept.push(part);
  }
  const end = paths.at(-1)?.endsWith('/') === true && kept.length > 0 ? '/' : '';
  return `/${kept.join('/')}${end}`;
}

/** The attributes that hold links, by element. */
const linkAttributes: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
};

/** Elements whose content is text, in which nothing is a tag until their own end. */
const textElements: ReadonlySet<string> = new Set([
  'iframe',
  'noembed',
  'noframes',
  'noscript',
  'script',
  'style',
  'textarea',
  'title',
  'xmp',
]);

/** A tag that is longer goes through as it is. */
const tagLengthMax = 64 * 1024;
const tagStart = /^<([A-Za-z][^\s/>]*)/;
// Each from where it stands, so that no tag is looked at more than twice.
const between = /[\s/=]*/y;
const attributeName = /[^\s/>=]+/y;
const equalsSign = /\s*=\s*/y;
const attributeValue = /"[^"]*"|'[^']*'|[^\s>]+/y;

/**
 * Rewrites the links of an HTML document that comes in pieces. Bytes are taken as latin1, so that every encoding that
 * has ASCII in it stays what it is; whatever is not a link stays too.
 */
export class HtmlLinks {
  readonly #places: LinkPlaces;
  #held = '';
  /** The element whose end is waited for. */
  #textOf = '';

  constructor(places: LinkPlaces) {
    this.#places = places;
  }

  /** Takes a piece. @returns what can go on */
  push(piece: Buffer): Buffer {
    return Buffer.from(this.#take(piece.toString('latin1'), false), 'latin1');
  }

  /** @returns what was held back */
  end(): Buffer {
    return Buffer.from(this.#take('', true), 'latin1');
  }

  #take(piece: string, isLast: boolean): string {
    const text = this.#held + piece;
    this.#held = '';
    let out = '';
    let at = 0;
    while (at < text.length) {
      const open = text.indexOf('<', at);
      if (open < 0) break;
      out += text.slice(at, open);
      at = open;
      const end = this.#endOf(text, open);
      if (end === undefined) {
        if (isLast || text.length - open > tagLengthMax) break;
        this.#held = text.slice(open);
        return out;
      }
      out += this.#rewritten(text.slice(open, end));
      at = end;
    }
    return out + text.slice(at);
  }

  /** The end of what begins with `<`; undefined when it has not come yet. */
  #endOf(text: string, open: number): number | undefined {
    const [longest, end] = [`</${this.#textOf}`, open + `</${this.#textOf}`.length];
    if (this.#textOf !== '') {
      const found = text.slice(open, end + 1).toLowerCase();
      if (found.length <= longest.length) return undefined;
      return found.startsWith(longest) && /[\s/>]$/.test(found) ? tagEnd(text, open) : open + 1;
    }
    const head = text.slice(open, open + 4);
    if (head === '<!--') return after(text, '-->', open + 4);
    if ('<!--'.startsWith(head) || head === '<') return undefined;
    if (/^<[!?]/.test(head)) return after(text, '>', open);
    return /^<\/?[A-Za-z]/.test(head) ? tagEnd(text, open) : open + 1;
  }

  #rewritten(tag: string): string {
    if (this.#textOf !== '') {
      if (tag.startsWith('</')) this.#textOf = '';
      return tag;
    }
    const name = tagStart.exec(tag)?.[1]?.toLowerCase();
    if (name === undefined) return tag;
    if (textElements.has(name)) this.#textOf = name;
    const links = linkAttributes[name];
    if (links === undefined) return tag;
    return rewriteAttributes(tag, name.length + 1, (key, link) =>
      links.includes(key) ? rewriteLink(link, this.#places) : link,
    );
  }
}

/** Replaces the values of a tag's attributes. @param from where the attributes begin */
function rewriteAttributes(
  tag: string,
  from: number,
  replace: (key: string, value: string) => string,
): string {
  let out = tag.slice(0, from);
  let at = from;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(tag)?.[0];
    at += found?.length ?? 0;
    return found;
  };
  for (;;) {
    out += take(between) ?? '';
    const key = take(attributeName);
    if (key === undefined) return out + tag.slice(at);
    out += key;
    const equals = take(equalsSign);
    if (equals === undefined) continue;
    const value = take(attributeValue) ?? '';
    const quote = /^["']/.exec(value)?.[0] ?? '';
    const plain = quote === '' ? value : value.slice(1, -1);
    out += `${equals}${quote}${replace(key.toLowerCase(), plain)}${quote}`;
  }
}

function after(text: string, mark: string, from: number): number | undefined {
  const at = text.indexOf(mark, from);
  return at < 0 ? undefined : at + mark.length;
}

/** The end of a tag: a `>` between quotes does not count. */
function tagEnd(text: string, open: number): number | undefined {
  let quote = '';
  for (let at = open; at < text.length; at++) {
    const sign = text[at] ?? '';
    if (quote !== '') {
      if (sign === quote) quote = '';
    } else if (sign === '>') return at + 1;
    // Only behind `=` does a quote begin a value.
    else if (
      (sign === '"' || sign === "'") &&
      /=\s*$/.test(text.slice(Math.max(open, at - 8), at))
    ) {
      quote = sign;
    }
  }
  return undefined;
}
