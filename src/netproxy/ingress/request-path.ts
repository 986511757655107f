/**
 * The path of a request in the one form that is both matched and sent, so that rules and backend cannot read it
 * differently. Pure. As Envoy and nginx do it: escapes of unreserved characters are undone, "." and ".." resolved, and
 * what climbs above the root, holds a NUL, a backslash or a broken escape is no path.
 */

/** @returns undefined for what is no path, or has more than one meaning */
export function normalPath(raw: string): string | undefined {
  if (!raw.startsWith('/') || /[\0-\x20\x7f#\\\u0100-\uffff]/.test(raw)) return undefined;
  if (/%(?![0-9a-f]{2})|%00/i.test(raw)) return undefined;
  const bytes = raw.replace(/[\x80-\xff]/g, (byte) => escapeByte(byte.charCodeAt(0)));
  return resolveDots(decodeWhere(bytes, unreserved));
}

/** Slashes that follow each other count as one, as nginx has it. */
export function mergeSlashes(path: string): string {
  return path.replace(/\/{2,}/g, '/');
}

/** The form in which paths and rules are compared: no escapes but those whose meaning is disputed. */
export function matchForm(path: string): string {
  return decodeWhere(Buffer.from(path, 'utf8').toString('latin1'), (byte) => !disputed(byte));
}

/**
 * Returns the other ways in which a backend might read a path in normal form: "%2f" and "%5c" as slashes, ";…" as
 * parameters that do not count, "%25" decoded once more, slashes merged; in all combinations. [] for almost every path.
 */
export function otherReadings(path: string): string[] {
  if (!/%2f|%5c|%25|%3b|;/i.test(path)) return [];
  const readings = new Set<string>();
  for (let choice = 1; choice < 16; choice++) {
    let text = path;
    if ((choice & 1) !== 0) text = decodeAgain(text);
    if ((choice & 2) !== 0) text = text.replace(/%2f|%5c/gi, '/');
    if ((choice & 4) !== 0) text = text.replace(/(?:;|%3b)[^/]*/gi, '');
    if ((choice & 8) !== 0) text = mergeSlashes(text);
    const read = resolveDots(decodeWhere(text, unreserved), true);
    if (read !== undefined && read !== path) readings.add(read);
  }
  return [...readings];
}

/** "%252e" is "%2e" to who decodes twice; three times is enough for everybody. */
function decodeAgain(text: string): string {
  let now = text;
  for (let turn = 0; turn < 3; turn++) now = now.replace(/%25(?=[0-9a-f]{2})/gi, '%');
  return now;
}

/** @param clamp ".." at the root stays there, instead of being no path */
function resolveDots(path: string, clamp = false): string | undefined {
  if (!path.includes('/.')) return path;
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  for (const [index, segment] of segments.entries()) {
    if (segment !== '.' && segment !== '..') {
      kept.push(segment);
      continue;
    }
    if (segment === '..' && kept.pop() === undefined && !clamp) return undefined;
    if (index === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}

function decodeWhere(text: string, wanted: (byte: number) => boolean): string {
  if (!text.includes('%')) return text;
  return text.replace(/%([0-9a-f]{2})/gi, (escaped, digits: string) => {
    const byte = Number.parseInt(digits, 16);
    return wanted(byte) ? String.fromCharCode(byte) : escaped.toUpperCase();
  });
}

/** RFC 3986, section 2.3: equal with and without escape. */
function unreserved(byte: number): boolean {
  return /[A-Za-z0-9._~-]/.test(String.fromCharCode(byte));
}

/** Controls and / \ ; % whose escapes some decode and some do not. */
function disputed(byte: number): boolean {
  return byte < 0x20 || byte === 0x7f || '/\\;%'.includes(String.fromCharCode(byte));
}

function escapeByte(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}
