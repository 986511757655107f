/** The way of a text to an editor and back, until it is saved or given up: that of `edit` and `edit-last-applied`. */
import { CommandLineError } from '../command/command-line-error.js';
import type { CommandContext } from '../context.js';
import { bodyOf, editorText, isBlank, meansTheSame } from './edit-text.js';
import type { EditReason } from './edit-text.js';
import { EditedFile } from './edited-file.js';

/** What is edited. */
export interface EditedText {
  /** The object's, which the file bears. */
  readonly name: string;
  readonly original: string;
  readonly json: boolean;
}

/**
 * Lets the user edit a text until it is taken. What was written stays in a file, of which the user is told, whenever
 * it comes to nothing.
 * @param save takes a text; answers what came of it, or why the text is opened again
 * @returns what `save` did, or why it was not called
 * @throws CommandLineError where the editor fails, or nothing that can be taken was written; what `save` throws
 */
export async function editUntilSaved<T extends object>(
  { err }: Pick<CommandContext, 'err'>,
  { name, original, json }: EditedText,
  save: (body: string, file: EditedFile) => Promise<T | EditReason>,
): Promise<T | string> {
  const editor = process.env['KUBE_EDITOR'] ?? process.env['EDITOR'] ?? 'vi';
  const file = new EditedFile(`${name}.${json ? 'json' : 'yaml'}`);
  const keep = (): void => {
    if (file.isKept) return;
    file.keep();
    err(`A copy of your changes has been stored to "${file.path}"\n`);
  };
  let [body, reason] = [original, undefined as EditReason | undefined];
  try {
    for (;;) {
      const text = editorText(body, { json, reason });
      const saved = await file.edit(editor, text).catch((error: unknown) => {
        // What was saved before is in it.
        if (reason !== undefined && error instanceof CommandLineError) keep();
        throw error;
      });
      if (reason !== undefined && meansTheSame(saved, text)) {
        keep();
        throw new CommandLineError('Edit cancelled, no valid changes were saved.', { plain: true });
      }
      if (meansTheSame(saved, original)) return 'Edit cancelled, no changes made.';
      if (isBlank(saved)) return 'Edit cancelled, saved file was empty.';
      body = bodyOf(saved, json);
      const answer = await save(body, file).catch((error: unknown) => {
        keep();
        throw error;
      });
      if (!('head' in answer)) return answer;
      reason = answer;
    }
  } finally {
    file.close();
  }
}
