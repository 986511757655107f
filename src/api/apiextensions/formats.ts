/** Formats of texts, as Kubernetes checks them (kube-openapi's `strfmt`). Others, such as `int32`, say nothing. */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { parseDurationMs } from '../../lib/go-duration.js';
import { cidrErrors } from '../validation/names.js';

/** Longer texts have none of the formats that are matched by more than one look at each character. */
const maxLength = 2048;

const patterns = {
  bsonobjectid: /^[0-9a-fA-F]{24}$/,
  byte: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/,
  hexcolor: /^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/,
  mac: /^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}(?:(?::[0-9a-fA-F]{2}){2}|(?::[0-9a-fA-F]{2}){14})?$/,
  macDashes:
    /^[0-9a-fA-F]{2}(?:-[0-9a-fA-F]{2}){5}(?:(?:-[0-9a-fA-F]{2}){2}|(?:-[0-9a-fA-F]{2}){14})?$/,
  macDots:
    /^[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4}){2}(?:(?:\.[0-9a-fA-F]{4})|(?:\.[0-9a-fA-F]{4}){7})?$/,
  ssn: /^\d{3}[- ]?\d{2}[- ]?\d{4}$/,
  uuid: /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i,
  uuid3: /^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i,
  uuid4: /^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i,
  uuid5: /^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i,
} as const;

const time = /^(\d\d):(\d\d):(\d\d)(?:.\d+)?(?:z|[+-]\d\d:\d\d)$/;
const hostLabel = /^[a-zA-Z0-9\p{S}\p{L}](?:[a-zA-Z0-9\-\p{S}\p{L}]*[a-zA-Z0-9\p{S}\p{L}])?$/u;
const channel = '(?:0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])';
const rgb = new RegExp(`^rgb\\(\\s*${channel}\\s*,\\s*${channel}\\s*,\\s*${channel}\\s*\\)$`);
const atom = "[A-Za-z0-9!#$%&'*+\\-/=?^_`{|}~]+";
const address = new RegExp(`^${atom}(?:\\.${atom})*@(?:${atom}(?:\\.${atom})*|\\[[^\\]\\s]+\\])$`);

function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const ms = Date.parse(`${text}T00:00:00Z`);
  // The engine takes the 30th of February for the 1st of March.
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}

function isDateTime(text: string): boolean {
  const [date = '', rest = ''] = text.toLowerCase().split('t');
  const [, hour = '', minute = '', second = ''] = time.exec(rest) ?? [];
  if (hour === '' || !isDate(date)) return false;
  return hour <= '23' && minute <= '59' && second <= '59';
}

function isDuration(text: string): boolean {
  const sign = text.replace(/^[+-]/, '');
  if (parseDurationMs(sign) !== undefined) return true;
  const unit = '(?:ns|nanos?|nanoseconds?|us|µs|micros?|microseconds?|ms|millis?|milliseconds?)';
  const longer = '(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?)';
  return new RegExp(`^(?:\\d+(?:\\.\\d+)?\\s*(?:${unit}|${longer})\\s*)+$`, 'i').test(sign);
}

/** RFC 1034: labels of up to 63 characters, the last one of letters; or a single label. */
function isHostname(text: string): boolean {
  if (text.length > 255) return false;
  const labels = text.split('.');
  if (!labels.every((label) => label.length <= 63 && hostLabel.test(label))) return false;
  return labels.length === 1 || /^[a-zA-Z\p{L}]{2,63}$/u.test(labels.at(-1) ?? '');
}

/** An absolute URI, or an absolute path (Go's `url.ParseRequestURI`). */
function isUri(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- Go refuses them in any part.
  if (text === '' || /[\u0000-\u001f\u007f]/.test(text)) return false;
  const [, scheme, rest = text] = /^([a-zA-Z][a-zA-Z0-9+.-]*):(.*)$/s.exec(text) ?? [];
  if (scheme === undefined && !text.startsWith('/')) return false;
  const [path = ''] = rest.split('?');
  if (/%(?![0-9a-fA-F]{2})/.test(path)) return false;
  const [, authority] = /^\/\/([^/]*)/.exec(scheme === undefined ? '' : path) ?? [];
  if (authority === undefined) return true;
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  return /^(?:\[[^\]]*\]|[^\s<>"\\^`{|}:[\]]*)(?::\d*)?$/.test(host);
}

function isEmail(text: string): boolean {
  const named = /^[^<>]*<([^<>]*)>$/.exec(text.trim());
  return address.test(named?.[1] ?? text.trim());
}

function digitsOf(text: string): string {
  return text.replace(/[\s-]/g, '');
}

function isIsbn10(text: string): boolean {
  const digits = digitsOf(text);
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = Array.from(digits).reduce(
    (total, digit, index) => total + (digit === 'X' ? 10 : Number(digit)) * (10 - index),
    0,
  );
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = digitsOf(text);
  if (!/^\d{13}$/.test(digits)) return false;
  const sum = Array.from(digits).reduce(
    (total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 1 : 3),
    0,
  );
  return sum % 10 === 0;
}

const card =
  /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/;

/** The digits' check sum (Luhn). */
function isCreditCard(text: string): boolean {
  const digits = text.replace(/\D/g, '');
  if (!card.test(digits)) return false;
  const sum = Array.from(digits)
    .reverse()
    .reduce((total, digit, index) => {
      const value = Number(digit) * (index % 2 === 0 ? 1 : 2);
      return total + (value > 9 ? value - 9 : value);
    }, 0);
  return sum % 10 === 0;
}

const checks: Readonly<Record<string, (text: string) => boolean>> = {
  bsonobjectid: (text) => patterns.bsonobjectid.test(text),
  byte: (text) => patterns.byte.test(text),
  cidr: (text) => cidrErrors(text).length === 0,
  creditcard: isCreditCard,
  date: isDate,
  datetime: isDateTime,
  duration: isDuration,
  email: isEmail,
  hexcolor: (text) => patterns.hexcolor.test(text),
  hostname: isHostname,
  ipv4: isIPv4,
  ipv6: (text) => isIPv6(text) || (isIP(text) !== 0 && text.includes(':')),
  isbn: (text) => isIsbn10(text) || isIsbn13(text),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  mac: (text) =>
    patterns.mac.test(text) || patterns.macDashes.test(text) || patterns.macDots.test(text),
  password: () => true,
  rgbcolor: (text) => rgb.test(text),
  ssn: (text) => patterns.ssn.test(text),
  uri: isUri,
  uuid: (text) => patterns.uuid.test(text),
  uuid3: (text) => patterns.uuid3.test(text),
  uuid4: (text) => patterns.uuid4.test(text),
  uuid5: (text) => patterns.uuid5.test(text),
};

/** Formats of any length: each look at their text is linear. */
const anyLength = new Set(['byte', 'password']);

/** True when the text has the format, or the format is none that is checked. */
export function hasFormat(format: string, text: string): boolean {
  const name = format.replaceAll('-', '');
  const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
  if (check === undefined) return true;
  return (anyLength.has(name) || text.length <= maxLength) && check(text);
}
