/** The validation of a pod's names and addresses: its resolver and the entries of its hosts file. */
import { at, child, invalid, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import type { PodSpec } from '../types/core.js';
import { dnsSubdomain, ipErrors, searchDomain } from '../validation/names.js';

const maxNameservers = 3;
/** As kube-apiserver's MaxDNSSearchPaths and MaxDNSSearchListChars. */
const maxSearches = 32;
const maxSearchCharacters = 2048;

/** Adds what is wrong with dnsPolicy and dnsConfig. */
export function checkDns(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const here = child(path, 'dnsConfig');
  const nameservers = spec.dnsConfig?.nameservers ?? [];
  if (spec.dnsPolicy === 'None') {
    if (spec.dnsConfig === undefined) {
      errors.push(required(here, 'must provide `dnsConfig` when `dnsPolicy` is None'));
    } else if (nameservers.length === 0) {
      const text = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
      errors.push(required(child(here, 'nameservers'), text));
    }
  }
  if (nameservers.length > maxNameservers) {
    const text = `must not have more than ${maxNameservers} nameservers`;
    errors.push(invalid(child(here, 'nameservers'), nameservers, text));
  }
  nameservers.forEach((address, index) => {
    for (const text of ipErrors(address)) {
      errors.push(invalid(at(child(here, 'nameservers'), index), address, text));
    }
  });
  checkSearches(spec.dnsConfig?.searches ?? [], child(here, 'searches'), errors);
  (spec.dnsConfig?.options ?? []).forEach(({ name = '' }, index) => {
    if (name === '') errors.push(required(at(child(here, 'options'), index), 'must not be empty'));
  });
}

function checkSearches(searches: readonly string[], path: FieldPath, errors: FieldError[]): void {
  if (searches.length > maxSearches) {
    errors.push(invalid(path, searches, `must not have more than ${maxSearches} search paths`));
  }
  if (searches.join(' ').length > maxSearchCharacters) {
    const text = `must not have more than ${maxSearchCharacters} characters (including spaces) in the search list`;
    errors.push(invalid(path, searches, text));
  }
  searches.forEach((search, index) => {
    if (search === '.') return;
    const name = search.replace(/\.$/, '');
    for (const text of searchDomain(name)) errors.push(invalid(at(path, index), name, text));
  });
}

/** Adds what is wrong with hostAliases. */
export function checkHostAliases(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  (spec.hostAliases ?? []).forEach(({ ip, hostnames = [] }, index) => {
    const here = at(child(path, 'hostAliases'), index);
    for (const text of ipErrors(ip ?? '')) errors.push(invalid(child(here, 'ip'), ip ?? '', text));
    hostnames.forEach((name, position) => {
      const place = at(child(here, 'hostnames'), position);
      for (const text of dnsSubdomain(name)) errors.push(invalid(place, name, text));
    });
  });
}
