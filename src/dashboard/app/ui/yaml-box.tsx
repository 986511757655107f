/** A place for an editor, whose code comes when it is needed. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Editor } from '../api/editor.js';

/** Shows the text; with an `original`, as a change of it. Another text: another `key`. */
export function YamlBox(props: {
  label: string;
  text: string;
  original?: string;
  onChange?: () => void;
  onOpen?: (editor: Editor) => void;
}): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let editor: Editor | undefined;
    let isOver = false;
    const { label, text, original, onChange } = props;
    void import('../api/editor.js').then(({ openEditor }) => {
      if (isOver || box.current === null) return;
      editor = openEditor({
        box: box.current,
        label,
        text,
        ...(original === undefined ? {} : { original }),
        ...(onChange === undefined ? {} : { onChange }),
      });
      props.onOpen?.(editor);
    });
    return () => {
      isOver = true;
      editor?.close();
    };
  }, []);
  return <div class="yaml-box" ref={box} />;
}
