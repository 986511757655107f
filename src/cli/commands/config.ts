import { defineGroup } from '../command/spec.js';
import {
  currentContext,
  deleteEntries,
  getContexts,
  getEntries,
  renameContext,
  useContext,
} from '../kubeconfig-commands/contexts.js';
import {
  setCluster,
  setContext,
  setCredentials,
  setValue,
  unsetValue,
  viewConfig,
} from '../kubeconfig-commands/changes.js';

/** `trireme config`. */
export const configCommand = defineGroup({
  name: 'config',
  summary: 'change kubeconfigs: contexts, clusters, users',
  examples: [
    ['which contexts there are', 'trireme config get-contexts'],
    ['another one from now on', 'trireme config use-context master-2'],
    ['another namespace from now on', 'trireme config set-context --current --namespace=jobs'],
  ],
  subcommands: [
    currentContext,
    deleteEntries('cluster'),
    deleteEntries('context'),
    deleteEntries('user'),
    getEntries('cluster'),
    getContexts,
    getEntries('user'),
    renameContext,
    setValue,
    setCluster,
    setContext,
    setCredentials,
    unsetValue,
    useContext,
    viewConfig,
  ],
});
