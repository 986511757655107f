/** Names of scheduled snapshots, and which of them may go. */

/** One of our files in a backup directory. */
export interface BackupFile {
  readonly name: string;
  /** When it was taken, by the wall clock. */
  readonly takenMs: number;
  readonly revision: number;
}

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

/** A finished file of some member. */
export interface MemberBackup extends BackupFile {
  readonly member: string;
}

/** Reads a file's name; undefined for one that is not a finished file of ours. */
export function parseBackupName(name: string): MemberBackup | undefined {
  const match =
    /^trireme-backup_([^_]+)_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z_rev(\d+)\.db$/.exec(name);
  if (match === null) return undefined;
  const [, part = '', year, month, day, hour, minute, second, revision] = match;
  const takenMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(takenMs)) return undefined;
  try {
    return { name, member: decodeURIComponent(part), takenMs, revision: Number(revision) };
  } catch {
    return undefined;
  }
}

/** The member's own finished files among the names, oldest first. All other names are none of our business. */
export function ownBackups(member: string, names: readonly string[]): BackupFile[] {
  return names
    .map(parseBackupName)
    .filter((file) => file !== undefined)
    .filter((file) => file.member === member)
    .map(({ name, takenMs, revision }) => ({ name, takenMs, revision }))
    .toSorted((a, b) => a.takenMs - b.takenMs || a.revision - b.revision);
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
