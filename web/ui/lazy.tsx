/** A part of the page that is loaded when it is first shown. */

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** `load` gives the component that is drawn with the same properties. */
export function lazy<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  let loaded: ComponentType<Props> | undefined;
  return function Lazy(props: Props) {
    const [Part, setPart] = useState<ComponentType<Props> | undefined>(() => loaded);
    useEffect(() => {
      if (Part !== undefined) return;
      void load().then((component) => {
        loaded = component;
        setPart(() => component);
      });
    }, [Part]);
    return Part === undefined ? null : <Part {...props} />;
  };
}
