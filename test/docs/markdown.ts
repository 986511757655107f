/** Reads the pages of the repository: blocks of code, links, headings, paths. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A fenced block of code. */
export interface Block {
  readonly page: string;
  /** Of its first fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** A page of Markdown. */
export interface Page {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  /** The page without its blocks. */
  readonly prose: string;
}

function listPaths(root: string, folder: string): string[] {
  return readdirSync(join(root, folder)).flatMap((name) => {
    const path = folder === '' ? name : `${folder}/${name}`;
    return statSync(join(root, path)).isDirectory() ? listPaths(root, path) : [path];
  });
}

/** Every file of the folders that hold our own work, from the root of the repository. */
export function listFiles(root: string): string[] {
  const folders = ['bench', 'bin', 'docs', 'examples', 'proto', 'scripts', 'src', 'test'];
  const top = readdirSync(root).filter((name) => statSync(join(root, name)).isFile());
  return [...top, ...folders.flatMap((folder) => listPaths(root, folder))];
}

/** Cuts a page into blocks and prose. */
export function parsePage(path: string, text: string): Page {
  const blocks: Block[] = [];
  const prose: string[] = [];
  let open: { line: number; indent: string; language: string; lines: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^( *)```(.*)$/.exec(line);
    if (open === undefined && fence !== null) {
      open = { line: index + 1, indent: fence[1] ?? '', language: fence[2] ?? '', lines: [] };
    } else if (open !== undefined && fence !== null) {
      const { language, lines } = open;
      blocks.push({ page: path, line: open.line, language, text: lines.join('\n') });
      open = undefined;
    } else if (open === undefined) {
      prose.push(line);
    } else {
      open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line);
    }
  }
  return { path, text, blocks, prose: prose.join('\n') };
}

/** All pages of the repository that people write. */
export function readPages(root: string): Page[] {
  return listFiles(root)
    .filter((path) => path.endsWith('.md') && !/\btestdata\b|report\.md$/.test(path))
    .map((path) => parsePage(path, readFileSync(join(root, path), 'utf8')));
}

/** The anchors that GitHub gives the headings of a page. */
export function anchorsOf(page: Page): string[] {
  return [...page.prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The commands of a shell block: comments are left out, continued lines are joined. */
export function commandsOf(block: Block): string[] {
  return block.text
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.replace(/(?:^|\s+)# .*$/, '').trim())
    .filter((line) => line !== '');
}
