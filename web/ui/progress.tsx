/** How far something is, and the way to give it up. */

export function Progress({ text, onCancel }: { text: string; onCancel: () => void }) {
  return (
    <p class="progress">
      <span>{text}</span>{' '}
      <button type="button" onClick={onCancel}>
        Cancel
      </button>
    </p>
  );
}
