/** The fields by which a server behind this one learns who asks (request-header authentication). Pure. */
import type { UserInfo } from '../registry/types.js';

/** The names of the fields; they stand in the ConfigMap by which servers are told of them. */
export const identityFields = {
  user: 'X-Remote-User',
  group: 'X-Remote-Group',
  uid: 'X-Remote-Uid',
  extraPrefix: 'X-Remote-Extra-',
} as const;

/** True for a field that would say who asks: nobody but this server may send one on. In lower case. */
export function saysWhoAsks(name: string): boolean {
  return (
    name.startsWith('x-remote-') || name.startsWith('impersonate-') || name === 'authorization'
  );
}

/** Text as Go writes it to the wire: the bytes of UTF-8. */
function onTheWire(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** A key as a field's name may be; other bytes are escaped, as apiserver's `headerKeyEscape` does. */
function fieldName(key: string): string {
  return [...Buffer.from(key, 'utf8')]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      if (/[\w!#$&'*+.^`|~-]/.test(char)) return char;
      return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

/** @throws nothing; a name that no field can carry is refused by the client of HTTP */
export function identityHeaders(user: UserInfo): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {
    [identityFields.user]: onTheWire(user.name),
    [identityFields.group]: user.groups.map(onTheWire),
  };
  if (user.uid !== undefined && user.uid !== '') headers[identityFields.uid] = onTheWire(user.uid);
  for (const [key, values] of Object.entries(user.extra ?? {})) {
    headers[identityFields.extraPrefix + fieldName(key)] = values.map(onTheWire);
  }
  return headers;
}

/** The user of the server's own requests to those behind it. */
export const aggregatorUser: UserInfo = {
  name: 'system:kube-aggregator',
  groups: ['system:masters'],
};
