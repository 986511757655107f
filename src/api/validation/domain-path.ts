import { invalid } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { dnsSubdomain, regexError } from './names.js';

const pathOfDomain = String.raw`[A-Za-z0-9/\-._~%!$&'()*+,;=:]+`;
const wholePath = new RegExp(`^${pathOfDomain}$`);

/** Adds what is wrong with a path that begins with a domain, such as `acme.io/foo`. */
export function checkDomainPath(value: string, path: FieldPath, errors: FieldError[]): void {
  const slash = value.indexOf('/');
  const [host, rest] = slash < 0 ? [value, ''] : [value.slice(0, slash), value.slice(slash + 1)];
  if (host === '' || rest === '') {
    const text = 'must be a domain-prefixed path (such as "acme.io/foo")';
    errors.push(invalid(path, value, text));
    return;
  }
  for (const text of dnsSubdomain(host)) errors.push(invalid(path, host, text));
  if (!wholePath.test(rest)) {
    errors.push(invalid(path, rest, regexError('Invalid path', pathOfDomain)));
  }
}
