// The version that a build carries: package.json's, and the commit that it is made of.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Returns `VERSION+gCOMMIT`, with `.dirty` where tracked files differ from the commit or others lie among the sources. In an archive
 * that git has made, the commit stands in scripts/lib/commit; where nobody knows it, the version stands alone.
 */
export function buildVersion(root) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const build = ofCheckout(root) ?? ofArchive(root);
  return build === undefined ? version : `${version}+${build}`;
}

function ofCheckout(root) {
  const git = (...words) =>
    execFileSync('git', ['-C', root, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    // A repository around an unpacked archive is another one.
    if (git('rev-parse', '--show-prefix') !== '') return undefined;
    const changed = git('status', '--porcelain', '--untracked-files=normal');
    return `g${git('rev-parse', '--short=10', 'HEAD')}${changed === '' ? '' : '.dirty'}`;
  } catch {
    return undefined;
  }
}

function ofArchive(root) {
  const commit = readFileSync(join(root, 'scripts/lib/commit'), 'utf8').trim();
  return /^[0-9a-f]{10,}$/.test(commit) ? `g${commit.slice(0, 10)}` : undefined;
}
