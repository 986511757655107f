import { defineGroup } from '../command/spec.js';
import {
  setEnvironment,
  setImage,
  setResources,
  setSelector,
  setServiceAccount,
  setSubject,
} from '../set/set-commands.js';

/** `trireme set`. */
export const setCommand = defineGroup({
  name: 'set',
  summary: 'set image, env, resources, selector, service account, subject',
  examples: [
    ['another image', 'trireme set image deployment/web nginx=nginx:1.27'],
    ['a variable', 'trireme set env deployment/web COLOUR=blue'],
  ],
  subcommands: [setEnvironment, setImage, setResources, setSelector, setServiceAccount, setSubject],
});
