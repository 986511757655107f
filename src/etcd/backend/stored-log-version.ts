import Database from 'better-sqlite3';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The log version that a member's data say the cluster has agreed on, read beside the member while it runs.
 * @param dataDir the member's; undefined is answered where it has no database, or one that names none
 */
export function storedLogVersion(dataDir: string): number | undefined {
  const path = join(dataDir, 'member', 'snap', 'db');
  if (!existsSync(path)) return undefined;
  const database = new Database(path, { readonly: true, fileMustExist: true });
  try {
    const row = database
      .prepare("SELECT value FROM bucket WHERE bucket = 'meta' AND key = ?")
      .get(Buffer.from('logVersion')) as { readonly value: Buffer } | undefined;
    return row === undefined ? undefined : Number(row.value.toString());
  } finally {
    database.close();
  }
}
