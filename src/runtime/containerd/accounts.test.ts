import { describe, expect, test } from '@jest/globals';
import type { SecurityConfig } from '../types.js';
import { resolveUser } from './accounts.js';

describe('users of an image', () => {
  const security: SecurityConfig = {
    privileged: false,
    runAsNonRoot: false,
    supplementalGroups: [],
    addCapabilities: [],
    dropCapabilities: [],
    readOnlyRootFilesystem: false,
    allowPrivilegeEscalation: false,
    seccomp: 'Unconfined',
    procMount: 'Default',
  };
  const resolve = (user: string, passwd: string, group = ''): unknown => {
    try {
      return resolveUser(security, user, { passwd, group });
    } catch (error) {
      return error;
    }
  };

  test('a row whose numbers are none names nobody', () => {
    const refused = expect.objectContaining({ code: 'CreateFailed' });
    expect(resolve('web', 'web:x:abc:33::/:\n')).toEqual(refused);
    expect(resolve('web', 'web:x::33::/:\n')).toEqual(refused);
    expect(resolve('web', 'web:x:33:-1::/:\n')).toEqual(refused);
    expect(resolve('web', 'web:x:4294967296:0::/:\n')).toEqual(refused);
    expect(resolve('99999999999', '')).toEqual(refused);
    expect(resolve('7:staff', '', 'staff:x:many:\n')).toEqual(refused);
  });

  test('a later row that is right counts', () => {
    expect(resolve('web', 'web:x:abc:33::/:\nweb:x:33:34::/:\n')).toEqual({ uid: 33, gid: 34 });
    expect(resolve('33', 'web:x:33:34::/:\n', 'a:x:no:web\nb:x:8:web\n')).toEqual({
      uid: 33,
      gid: 34,
      additionalGids: [8],
    });
  });
});
