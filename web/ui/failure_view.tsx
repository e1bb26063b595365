/** Why something that was asked for is not there. */

import type { Failure } from '../workers/rpc.ts';

export function FailureView({ failure }: { failure: Failure }) {
  return (
    <p class="problem" role="alert">
      {failure.kind === 'bug' ? 'This is a mistake of ours, not yours: ' : ''}
      {failure.text}
    </p>
  );
}
