/** Names of scheduled snapshots, and which of them may go. */

/** One of our files in a backup directory. */
export interface BackupFile {
  readonly name: string;
  /** When it was taken, by the wall clock. */
  readonly takenMs: number;
  readonly revision: number;
}

const stampPattern = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/** Two members may write to one directory, and a name may hold any characters. */
function memberPart(member: string): string {
  return encodeURIComponent(member).replaceAll('_', '%5F');
}

/** Makes the beginning of a file's name; the revision and `.db` follow. */
export function backupPrefix(member: string, takenMs: number): string {
  const stamp = new Date(takenMs).toISOString().replace(/[-:]|\.\d+/g, '');
  return `trireme-backup_${memberPart(member)}_${stamp}_rev`;
}

/** The name under which a file is written until it is whole. */
export function temporaryName(member: string): string {
  return `trireme-backup_${memberPart(member)}.partial`;
}

/** The member's own finished files among the names, oldest first. All other names are none of our business. */
export function ownBackups(member: string, names: readonly string[]): BackupFile[] {
  const head = `trireme-backup_${memberPart(member)}_`;
  const files: BackupFile[] = [];
  for (const name of names) {
    if (!name.startsWith(head) || !name.endsWith('.db')) continue;
    const [stamp = '', revision = '', ...rest] = name.slice(head.length, -3).split('_rev');
    const parts = stampPattern.exec(stamp);
    if (parts === null || !/^\d+$/.test(revision) || rest.length > 0) continue;
    const [, year, month, day, hour, minute, second] = parts;
    const takenMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
    if (Number.isNaN(takenMs)) continue;
    files.push({ name, takenMs, revision: Number(revision) });
  }
  return files.sort((a, b) => a.takenMs - b.takenMs || a.revision - b.revision);
}

/**
 * Finds the files that retention removes: beyond the newest `keepCount`, and older than `keepAgeMs`; 0 switches a rule
 * off.
 * @param made the file just taken, which stays whatever the clock says
 */
export function expiredBackups(
  files: readonly BackupFile[],
  rules: { readonly keepCount: number; readonly keepAgeMs: number },
  now: { readonly nowMs: number; readonly made: string },
): BackupFile[] {
  const others = files.filter(({ name }) => name !== now.made);
  const spare = rules.keepCount > 0 ? Math.max(0, others.length + 1 - rules.keepCount) : 0;
  return others.filter(
    ({ takenMs }, at) =>
      at < spare || (rules.keepAgeMs > 0 && now.nowMs - takenMs > rules.keepAgeMs),
  );
}
