import { runEtcdCommand } from './run.js';

process.exit(await runEtcdCommand(process.argv.slice(2)));
