/**
 * Kubernetes' rules for names, labels and other strings (apimachinery `util/validation`). Each
 * function returns the texts of what is wrong, an empty list when the value is fine.
 */

const label1123 = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain1123 = `${label1123}(\\.${label1123})*`;
const label1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const qualifiedNamePart = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const labelValue = `(${qualifiedNamePart})?`;
const configKey = '[-._a-zA-Z0-9]+';
const percent = '[0-9]+%';

function whole(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`);
}

const label1123Regex = whole(label1123);
const subdomain1123Regex = whole(subdomain1123);
const wildcardRegex = whole(`\\*\\.${subdomain1123}`);
const label1035Regex = whole(label1035);
const qualifiedNameRegex = whole(qualifiedNamePart);
const labelValueRegex = whole(labelValue);
const configKeyRegex = whole(configKey);
const percentRegex = whole(percent);

/** The hint that Kubernetes appends to a broken pattern; the double space after `,` is its own. */
export function regexError(message: string, pattern: string, ...examples: string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${pattern}')`;
  const shown = examples.map((example) => `'${example}', `).join(' or ');
  return `${message} (e.g. ${shown}regex used for validation is '${pattern}')`;
}

function maxLength(length: number): string {
  return `must be no more than ${length} characters`;
}

/** A DNS label as RFC 1123 has it. */
export function dnsLabel(value: string): string[] {
  const errors = value.length > 63 ? [maxLength(63)] : [];
  if (!label1123Regex.test(value)) {
    errors.push(
      subdomain1123Regex.test(value)
        ? 'must not contain dots'
        : regexError(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', " +
              'and must start and end with an alphanumeric character',
            label1123,
            'my-name',
            '123-abc',
          ),
    );
  }
  return errors;
}

const subdomainMessage =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', " +
  'and must start and end with an alphanumeric character';

/** DNS labels joined by dots. */
export function dnsSubdomain(value: string): string[] {
  const errors = value.length > 253 ? [maxLength(253)] : [];
  if (!subdomain1123Regex.test(value)) {
    errors.push(regexError(subdomainMessage, subdomain1123, 'example.com'));
  }
  return errors;
}

const searchLabel = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const searchPattern = `${searchLabel}(\\.${searchLabel})*`;
const searchRegex = whole(searchPattern);

/** A DNS subdomain whose labels may hold underscores, as in a resolver's search list. */
export function searchDomain(value: string): string[] {
  const errors = value.length > 253 ? [maxLength(253)] : [];
  if (!searchRegex.test(value)) {
    const message =
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' " +
      "or '.', and must start and end with an alphanumeric character";
    // The pattern that is shown is that of other names, there too.
    errors.push(regexError(message, subdomain1123, 'example.com'));
  }
  return errors;
}

/** `*.` before DNS labels joined by dots. */
export function wildcardSubdomain(value: string): string[] {
  const errors = value.length > 253 ? [maxLength(253)] : [];
  if (!wildcardRegex.test(value)) {
    const message =
      "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, " +
      "which must consist of lower case alphanumeric characters, '-' or '.' and end with an " +
      'alphanumeric character';
    errors.push(regexError(message, `\\*\\.${subdomain1123}`, '*.example.com'));
  }
  return errors;
}

/** A DNS label that starts with a letter (names of services). */
export function dns1035Label(value: string): string[] {
  const errors = value.length > 63 ? [maxLength(63)] : [];
  if (!label1035Regex.test(value)) {
    const message =
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an " +
      'alphabetic character, and end with an alphanumeric character';
    errors.push(regexError(message, label1035, 'my-name', 'abc-123'));
  }
  return errors;
}

/** `name` or `prefix/name`: keys of labels and annotations, names of resources. */
export function qualifiedNameErrors(value: string): string[] {
  const message =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an " +
    'alphanumeric character';
  const examples = ['MyName', 'my.name', '123-abc'];
  const parts = value.split('/');
  const errors: string[] = [];
  let name = value;
  if (parts.length === 2) {
    const [prefix = '', rest = ''] = parts;
    name = rest;
    if (prefix === '') errors.push('prefix part must be non-empty');
    else errors.push(...dnsSubdomain(prefix).map((text) => `prefix part ${text}`));
  } else if (parts.length > 2) {
    const hint = regexError(`a qualified name ${message}`, qualifiedNamePart, ...examples);
    return [`${hint} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  if (name === '') errors.push('name part must be non-empty');
  else if (name.length > 63) errors.push(`name part ${maxLength(63)}`);
  if (!qualifiedNameRegex.test(name)) {
    errors.push(`name part ${regexError(message, qualifiedNamePart, ...examples)}`);
  }
  return errors;
}

/** The value of a label. */
export function labelValueErrors(value: string): string[] {
  const errors = value.length > 63 ? [maxLength(63)] : [];
  if (!labelValueRegex.test(value)) {
    const message =
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or " +
      "'.', and must start and end with an alphanumeric character";
    errors.push(regexError(message, labelValue, 'MyValue', 'my_value', '12345'));
  }
  return errors;
}

/** A key of a ConfigMap or Secret. */
export function configKeyErrors(value: string): string[] {
  const errors = value.length > 253 ? [maxLength(253)] : [];
  if (!configKeyRegex.test(value)) {
    const message = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
    errors.push(regexError(message, configKey, 'key.name', 'KEY_NAME', 'key-name'));
  }
  if (value === '.') errors.push(`must not be '.'`);
  if (value === '..') errors.push(`must not be '..'`);
  else if (value.startsWith('..')) errors.push(`must not start with '..'`);
  return errors;
}

/** The name of an environment variable: printable ASCII without `=` (v1.32 and later). */
export function envNameErrors(value: string): string[] {
  if (value !== '' && /^[ -<>-~]+$/.test(value)) return [];
  const message =
    "a valid environment variable name must consist only of printable ASCII characters other than '='";
  return [message];
}

/** The name of a port (IANA service name). */
export function portNameErrors(value: string): string[] {
  const errors: string[] = [];
  if (value.length > 15) errors.push('must be no more than 15 characters');
  if (!/^[-a-z0-9]+$/.test(value)) {
    errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  }
  if (!/[a-z]/.test(value)) errors.push('must contain at least one letter (a-z)');
  if (value.includes('--')) errors.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) {
    errors.push('must not begin or end with a hyphen');
  }
  return errors;
}

/** The number of a port. */
export function portNumberErrors(value: number): string[] {
  return Number.isInteger(value) && value >= 1 && value <= 65535
    ? []
    : ['must be between 1 and 65535, inclusive'];
}

/** `25%`. */
export function percentErrors(value: string): string[] {
  if (percentRegex.test(value)) return [];
  const message = "a valid percent string must be a numeric string followed by an ending '%'";
  return [regexError(message, percent, '1%', '93%')];
}

/** A name that becomes one segment of a URL path (RBAC). */
export function pathSegmentErrors(value: string): string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].filter((bad) => value.includes(bad)).map((bad) => `may not contain '${bad}'`);
}

/** An HTTP header's name. */
export function httpHeaderNameErrors(value: string): string[] {
  const pattern = '[-A-Za-z0-9]+';
  if (whole(pattern).test(value)) return [];
  const message = "a valid HTTP header must consist of alphanumeric characters or '-'";
  return [regexError(message, pattern, 'X-Header-Name')];
}

/** A process signal or exit code is checked elsewhere; this is an IPv4 or IPv6 address. */
export function ipErrors(value: string): string[] {
  if (isIPv4(value) || isIPv6(value)) return [];
  return ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'];
}

/** A CIDR such as `10.0.0.0/8`. */
export function cidrErrors(value: string): string[] {
  const [address = '', bits = '', ...rest] = value.split('/');
  const max = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  const ok = rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= max;
  return ok ? [] : ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'];
}

/** True for a dotted IPv4 address without leading zeros. */
export function isIPv4(value: string): boolean {
  const octet = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
  return new RegExp(`^${octet}(\\.${octet}){3}$`).test(value);
}

/** True for an IPv6 address, compressed or with an embedded IPv4 tail. */
export function isIPv6(value: string): boolean {
  if (!/^[0-9a-fA-F:.]+$/.test(value) || !value.includes(':')) return false;
  const halves = value.split('::');
  if (halves.length > 2) return false;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const all = groups.flat();
  const last = all.at(-1) ?? '';
  const hasTail = last.includes('.');
  if (hasTail && !isIPv4(last)) return false;
  const plain = hasTail ? all.slice(0, -1) : all;
  if (!plain.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  const count = plain.length + (hasTail ? 2 : 0);
  return halves.length === 2 ? count <= 7 : count === 8;
}
