/** Text of others, safe in a page. */

/** Controls, and marks that turn the direction of writing: nothing that a reader sees as what it is. */
const UNSEEN = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** As text or as the value of an attribute in quotes. What cannot be seen becomes U+FFFD. */
export function escapeHtml(text: string): string {
  return text.replaceAll(UNSEEN, '\ufffd').replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** JSON that no text in it can end early inside a script element. */
export function jsonForScript(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}
