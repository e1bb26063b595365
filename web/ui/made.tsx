/** An element of the page that is made elsewhere, in its place among those that Preact makes. */

import { useEffect, useRef } from 'preact/hooks';

export function Made({ element }: { element: HTMLElement }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => place.current?.replaceChildren(element), [element]);
  return <div ref={place} />;
}
