/** Checks that what a command names exists: program, subcommand, flags, files. Runs nothing but `--help`. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Programs that are not ours and take no part of our own as an argument. */
const systemPrograms = new Set(
  [
    'awk base64 cat cd cp curl echo etcdctl git head ip journalctl kill kubectl printf rm systemctl tail tar vagrant',
    '/usr/libexec/lxc/lxc-net .',
  ].flatMap((names) => names.split(' ')),
);
/** Text in quotes, which is no word of the shell. */
const quotedText = /'[^']*'|"[^"]*"/g;
const help = new Map<string, string>();

/** Returns the output of `trireme COMMAND --help` for the longest command of `words` that has a help of its own. */
function helpOf(root: string, words: readonly string[]): string {
  const command = words[0] === 'etcd' && words[1] === 'snapshot' ? words.slice(0, 3) : words;
  const key = command.join(' ');
  let text = help.get(key);
  if (text === undefined) {
    const program = join(root, 'bin', 'trireme');
    text = execFileSync(program, [...command, '--help'], { encoding: 'utf8', stdio: 'pipe' });
    help.set(key, text);
  }
  return text;
}

const flagsOf = (words: readonly string[]): string[] =>
  words.flatMap((word) => /^--[a-z][a-z-]*/.exec(word)?.[0] ?? []);

function checkTrireme(root: string, words: readonly string[]): string[] {
  const [command = '', action = ''] = words;
  if (command.startsWith('--')) return [];
  const known = helpOf(root, []).includes(`\n  ${command} `);
  if (!known) return [`trireme has no command ${command}`];
  const isGroup = ['snapshot', 'cert', 'cluster', 'member', 'token'].includes(command);
  const own = isGroup || ['snapshot', 'recover', 'gateway'].includes(action);
  const path = own
    ? words.slice(0, action === 'snapshot' ? 3 : 2)
    : command === 'create' && /^[a-z]/.test(action)
      ? words.slice(0, ['service', 'secret'].includes(action) ? 3 : 2)
      : [command];
  const text = helpOf(root, path);
  const end = words.indexOf('--');
  return flagsOf(end < 0 ? words : words.slice(0, end))
    .filter((flag) => flag !== '--help' && !text.includes(flag))
    .map((flag) => `trireme ${path.join(' ')} has no flag ${flag}`);
}

function checkScript(root: string, path: string, words: readonly string[]): string[] {
  if (!existsSync(join(root, path))) return [`${path} does not exist`];
  const text = readFileSync(join(root, path), 'utf8');
  const [role = ''] = words;
  if (path === 'scripts/up' || path === 'scripts/down') {
    return checkTrireme(root, [path.slice('scripts/'.length), ...words]);
  }
  if (path !== 'scripts/install') return [];
  if (!text.includes(`scripts/install ${role}`)) return [`scripts/install has no role ${role}`];
  const flags = ['master', 'worker'].includes(role) ? helpOf(root, [role]) : '';
  return flagsOf(words)
    .filter((flag) => !text.includes(flag) && !flags.includes(flag))
    .map((flag) => `scripts/install ${role} has no flag ${flag}`);
}

/** A program of ours: its source lies where the compiler took it from, and its flags stand in its folder. */
function checkNode(root: string, words: readonly string[]): string[] {
  const [file = '', ...rest] = words;
  const source = file.replace(/^dist\//, '').replace(/\.js$/, '.ts');
  if (!existsSync(join(root, source))) return [`${source} does not exist`];
  const folder = dirname(join(root, source));
  const text = readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  return flagsOf(rest)
    .map((flag) => flag.slice(2))
    .filter((flag) => !new RegExp(`\\b${flag}\\b`).test(text))
    .map((flag) => `${source} knows no flag --${flag}`);
}

function checkNpx(root: string, words: readonly string[]): string[] {
  const [program = '', ...rest] = words;
  if (!existsSync(join(root, 'node_modules', '.bin', program))) return [`npx knows no ${program}`];
  return rest
    .filter((word) => word.startsWith('dist/'))
    .map((word) => word.slice('dist/'.length))
    .filter((prefix) => {
      const folder = join(root, dirname(prefix));
      const start = join(root, prefix);
      const there = existsSync(folder) ? readdirSync(folder) : [];
      return !there.some((name) => join(folder, name).startsWith(start));
    })
    .map((prefix) => `no test begins with ${prefix}`);
}

function checkNpm(root: string, words: readonly string[]): string[] {
  const [action, name = ''] = words;
  if (action !== 'run') return [];
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  return name in scripts ? [] : [`package.json has no script ${name}`];
}

function checkSimple(root: string, words: readonly string[]): string[] {
  const [program = '', ...rest] = words;
  const path = program.replace(/^\.\//, '').replace(/^\/opt\/trireme\//, '');
  if (path === 'trireme' || path === 'bin/trireme') return checkTrireme(root, rest);
  if (path.startsWith('scripts/')) return checkScript(root, path, rest);
  if (path.startsWith('test/')) return existsSync(join(root, path)) ? [] : [`${path} is not there`];
  if (program === 'node') return checkNode(root, rest);
  if (program === 'npx') return checkNpx(root, rest);
  if (program === 'npm') return checkNpm(root, rest);
  return systemPrograms.has(program) ? [] : [`${program}: unknown program`];
}

/** Variables of ours that nothing reads, and example files that are not there. */
function checkNames(root: string, command: string): string[] {
  const readers = ['Vagrantfile', 'scripts/install'].map((path) =>
    readFileSync(join(root, path), 'utf8'),
  );
  const variables = [...command.matchAll(/\bTRIREME_(\w+)=/g)].map(([, name = '']) => name);
  const files = [...command.matchAll(/\bexamples\/[\w.-]+/g)].map(([path]) => path);
  return [
    ...variables
      .filter((name) => !readers.some((text) => text.includes(name)))
      .map((name) => `nothing reads TRIREME_${name}`),
    ...files
      .filter((path) => !existsSync(join(root, path)))
      .map((path) => `${path} does not exist`),
  ];
}

/** Lists the programs, files, subcommands and flags that a command names and that do not exist. */
export function problemsOf(root: string, command: string): string[] {
  const inner = [...command.matchAll(/-c '([^']*)'|\$\(((?:'[^']*'|[^')])*)\)/g)].map(
    ([, quoted, substituted]) => (quoted ?? substituted ?? '').replaceAll(quotedText, 'ARGUMENT'),
  );
  const outer = command.replaceAll(/'[^']*'|"[^"]*"|\$\((?:'[^']*'|[^')])*\)/g, 'ARGUMENT');
  const simple = [outer, ...inner]
    .flatMap((text) => text.split(/&&|\|/))
    .map((text) => text.trim());
  const checked = simple.flatMap((text) => {
    const words = text.split(/\s+/).filter((word) => word !== '');
    const start = words.findIndex(
      (word) => word !== 'sudo' && !/^(?:export|[A-Z_]+=.*)$/.test(word),
    );
    return start < 0 ? [] : checkSimple(root, words.slice(start));
  });
  return [...checked, ...checkNames(root, command)];
}
