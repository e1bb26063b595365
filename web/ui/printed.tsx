/** Text as the command line prints it, in lines that are not broken. */

export function Printed({ label, text }: { label: string; text: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section class="printed" tabIndex={0} aria-label={label}>
      <pre>{text}</pre>
    </section>
  );
}
