// Required into a packed program and each of its threads (NODE_OPTIONS): keeps what V8 made of the files that they loaded by compiled.cjs, at their end.
const { chmodSync, renameSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { threadId } = require('node:worker_threads');

const compiled = require(join(process.env.TRIREME_PACKED, 'compiled.cjs'));
const { cachePath, loadCompiled } = compiled;
const scripts = new Map();

compiled.loadCompiled = (file) => {
  const loaded = loadCompiled(file);
  scripts.set(file, loaded.script);
  return loaded;
};
process.on('exit', () => {
  for (const [file, script] of scripts) {
    // Others may look for it meanwhile.
    const path = cachePath(file);
    const own = `${path}.${process.pid}.${threadId}`;
    writeFileSync(own, script.createCachedData());
    // A master keeps what it writes from others; this all may read.
    chmodSync(own, 0o644);
    renameSync(own, path);
  }
});
