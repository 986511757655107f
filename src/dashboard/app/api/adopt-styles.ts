/**
 * Lets the terminal's library have its styles under a policy that forbids styles in the page. It would write them into
 * `<style>` elements; it gets others instead, and their text is applied as sheets that scripts have made, which the
 * policy allows.
 */

/** The element that stands for a style; it shows nothing. */
const standIn = 'trireme-style';

/** Runs `work`, in which style elements become stand-ins. It must not wait for anything. */
export function withStandIns(work: () => void): void {
  const create: (tag: string) => HTMLElement = document.createElement.bind(document);
  const replacing = (tag: string): HTMLElement =>
    create(tag.toLowerCase() === 'style' ? standIn : tag);
  document.createElement = replacing;
  try {
    work();
  } finally {
    // What is left is the prototype's.
    Reflect.deleteProperty(document, 'createElement');
  }
}

/** Applies the styles that are written below `box`. @returns what takes all of it back */
export function adoptStyles(box: HTMLElement): () => void {
  const sheets = new Map<Element, CSSStyleSheet>();
  const adopt = (): void => {
    for (const element of box.querySelectorAll(standIn)) {
      let sheet = sheets.get(element);
      if (sheet === undefined) {
        sheet = new CSSStyleSheet();
        sheets.set(element, sheet);
        document.adoptedStyleSheets.push(sheet);
      }
      sheet.replaceSync(element.textContent);
    }
  };
  const observer = new MutationObserver(adopt);
  observer.observe(box, { childList: true, subtree: true, characterData: true });
  adopt();
  return () => {
    observer.disconnect();
    const own = new Set(sheets.values());
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => !own.has(sheet));
  };
}
