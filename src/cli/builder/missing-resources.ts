import { CommandLineError } from '../command/command-line-error.js';

/** Nothing was named, in kubectl's words. */
export function missingResources(): CommandLineError {
  return new CommandLineError(
    `You must provide one or more resources by argument or filename.
Example resource specifications include:
   '-f rsrc.yaml'
   '--filename=rsrc.json'
   '<resource> <name>'
   '<resource>'`,
    { plain: true },
  );
}
