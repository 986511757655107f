/** An editor of YAML, and a view of what a change would make of it. */
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { unifiedMergeView } from '@codemirror/merge';
import { search, searchKeymap } from '@codemirror/search';
import type { Extension } from '@codemirror/state';
import { EditorState } from '@codemirror/state';
import { EditorView, drawSelection, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';

/** By the variables of the page's colours, light and dark. */
const look = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--code)', maxHeight: '65vh' },
  '&.cm-focused': { outline: '2px solid var(--accent)' },
  '.cm-scroller': {
    fontFamily: "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace",
    fontSize: '0.86rem',
    lineHeight: '1.5',
  },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': {
    color: 'var(--faint)',
    backgroundColor: 'var(--raised)',
    borderRight: '1px solid var(--line)',
  },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground':
    { backgroundColor: 'var(--accent-ground)' },
  '.cm-panels': { color: 'var(--text)', backgroundColor: 'var(--raised)' },
  '.cm-changedLine': { backgroundColor: 'var(--good-ground)' },
  '.cm-deletedChunk': { backgroundColor: 'var(--bad-ground)' },
  '.cm-collapsedLines': { color: 'var(--faint)', background: 'var(--raised)' },
  '.cm-collapsedLines::before, .cm-collapsedLines::after': { content: '"…"' },
  '.cm-changedText, .cm-deletedText': { background: 'none', fontWeight: '700' },
});

const highlights = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--good)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--busy)' },
  { tag: tags.comment, color: 'var(--faint)', fontStyle: 'italic' },
]);

/** Open. */
export interface Editor {
  readonly text: () => string;
  readonly setText: (text: string) => void;
  readonly close: () => void;
}

/**
 * Opens an editor. It lies in a shadow tree: there its styles are sheets that scripts make, which the page's policy
 * allows. The Tab key goes on to what follows, as everywhere.
 * @param original shows the text as a change of it; nobody edits that
 */
export function openEditor(options: {
  readonly box: HTMLElement;
  readonly label: string;
  readonly text: string;
  readonly original?: string;
  readonly onChange?: () => void;
}): Editor {
  const { box, label, text, original, onChange } = options;
  const root = box.shadowRoot ?? box.attachShadow({ mode: 'open' });
  const extensions: Extension[] = [
    lineNumbers(),
    yaml(),
    syntaxHighlighting(highlights),
    look,
    search({ top: true }),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ 'aria-label': label }),
  ];
  if (original === undefined) {
    extensions.push(
      history(),
      drawSelection(),
      keymap.of([...searchKeymap, ...defaultKeymap, ...historyKeymap]),
      EditorView.updateListener.of(({ docChanged }) => {
        if (docChanged) onChange?.();
      }),
    );
  } else {
    extensions.push(
      EditorState.readOnly.of(true),
      keymap.of(searchKeymap),
      unifiedMergeView({
        original,
        mergeControls: false,
        gutter: true,
        collapseUnchanged: { margin: 3, minSize: 6 },
      }),
    );
  }
  const state = EditorState.create({ doc: text, extensions });
  const view = new EditorView({ state, parent: root, root });
  return {
    text: () => view.state.doc.toString(),
    setText: (next) => {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } });
    },
    close: () => view.destroy(),
  };
}
