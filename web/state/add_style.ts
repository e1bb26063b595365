/** Rules of the report's, which it keeps in its scripts, into the page: before the page's own, which may differ. */

export function addStyle(rules: string): void {
  const style = document.createElement('style');
  style.textContent = rules;
  document.head.prepend(style);
}
