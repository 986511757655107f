/** Settings of scheduled snapshots that change while the member runs: a small file that somebody else writes. */
import { readFileSync } from 'node:fs';
import type { Logger } from '../../lib/log.js';
import type { BackupConfig } from '../config.js';

/** The content of the file, as JSON. */
export interface BackupSettings {
  /** 0: none are taken. */
  readonly intervalMs: number;
  /** So many of the newest stay. */
  readonly keepCount: number;
}

/** Reads settings from their text; undefined for what are none. */
export function parseBackupSettings(text: string): BackupSettings | undefined {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof found !== 'object' || found === null) return undefined;
  const { intervalMs, keepCount } = found as Partial<Record<keyof BackupSettings, unknown>>;
  if (typeof intervalMs !== 'number' || !(intervalMs >= 0)) return undefined;
  if (typeof keepCount !== 'number' || !Number.isInteger(keepCount) || keepCount < 1) {
    return undefined;
  }
  return { intervalMs, keepCount };
}

/** The flags with the settings, which go before them. */
export function withSettings(
  config: BackupConfig,
  settings: BackupSettings | undefined,
): BackupConfig {
  if (settings === undefined) return config;
  const { intervalMs: everyMs, keepCount } = settings;
  return { ...config, schedule: everyMs === 0 ? 'off' : { everyMs }, keepCount };
}

/** Returns a function that reads the file again each time; while it cannot be read, what was known last holds. */
export function configOfNow(config: BackupConfig, log: Logger): () => BackupConfig {
  const { settingsFile } = config;
  if (settingsFile === undefined) return () => config;
  let text = '';
  let current = config;
  return () => {
    const now = contentOf(settingsFile) ?? text;
    if (now === text) return current;
    text = now;
    const settings = parseBackupSettings(text);
    if (settings === undefined && text !== '') {
      log.warn({ settingsFile }, 'the settings of scheduled snapshots cannot be read: unchanged');
    } else {
      current = withSettings(config, settings);
      log.info({ schedule: current.schedule, keep: current.keepCount }, 'scheduled snapshots');
    }
    return current;
  };
}

/** An absent file is an empty one; undefined for one that cannot be read. */
function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? '' : undefined;
  }
}
