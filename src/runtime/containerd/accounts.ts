import type { SecurityConfig } from '../types.js';
import { RuntimeError } from '../types.js';
import { verifyNonRoot } from '../non-root.js';
import type { OciUser } from './oci.js';

/** The text of an image's account files; empty where the image has none. */
export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
}

/**
 * Finds the user that the container's process runs as: `runAsUser`, else the image's user, else root; the group
 * likewise. A user's groups in the image's /etc/group count too, as with other runtimes.
 * @throws RuntimeError InvalidConfig with kubelet's texts for `runAsNonRoot`
 */
export function resolveUser(
  security: SecurityConfig,
  imageUser: string,
  files: AccountFiles,
): OciUser {
  const [userPart = '', groupPart] = imageUser.split(':');
  const wanted = security.runAsUser === undefined ? userPart : String(security.runAsUser);
  const entry = findUser(wanted === '' ? '0' : wanted, files.passwd);
  verifyNonRoot(security, userPart, entry.uid);
  const gid =
    security.runAsGroup ??
    (security.runAsUser === undefined && groupPart !== undefined && groupPart !== ''
      ? findGroup(groupPart, files.group)
      : entry.gid);
  const extra = new Set<number>(security.supplementalGroups);
  if (security.fsGroup !== undefined) extra.add(security.fsGroup);
  if (entry.name !== undefined) {
    for (const group of groupsOf(entry.name, files.group)) extra.add(group);
  }
  const additionalGids = [...extra].sort((a, b) => a - b);
  return { uid: entry.uid, gid, ...(additionalGids.length === 0 ? {} : { additionalGids }) };
}

/** Undefined for what is no user or group id: as NaN it would become null in the specification, which is root. */
function idOf(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) && Number(text) <= idMax ? Number(text) : undefined;
}

/** runc takes no larger ones. */
const idMax = 2 ** 31 - 1;

function rows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}

function findUser(user: string, passwd: string): { uid: number; gid: number; name?: string } {
  const numeric = /^\d+$/.test(user);
  for (const [name = '', , uidText = '', gidText = ''] of rows(passwd)) {
    const [uid, gid] = [idOf(uidText), idOf(gidText)];
    if (uid === undefined || gid === undefined) continue;
    if (numeric ? uidText === user : name === user) return { uid, gid, name };
  }
  const own = numeric ? idOf(user) : undefined;
  if (own !== undefined) return { uid: own, gid: 0 };
  throw new RuntimeError(
    'CreateFailed',
    `unable to find user ${user}: no matching entries in passwd file`,
    {
      retryable: false,
    },
  );
}

function findGroup(group: string, text: string): number {
  const own = idOf(group);
  if (own !== undefined) return own;
  for (const [name, , gidText = ''] of rows(text)) {
    const gid = idOf(gidText);
    if (name === group && gid !== undefined) return gid;
  }
  throw new RuntimeError(
    'CreateFailed',
    `unable to find group ${group}: no matching entries in group file`,
    {
      retryable: false,
    },
  );
}

function groupsOf(user: string, text: string): number[] {
  return rows(text)
    .filter(([, , , members = '']) => members.split(',').includes(user))
    .flatMap(([, , gid = '']) => idOf(gid) ?? []);
}
