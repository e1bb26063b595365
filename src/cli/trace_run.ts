/** The scenario of a trace, run as `directmap run` runs it. */

import { InputError, NotModelledError } from '../errors.ts';
import type { Outcome } from '../scenario/outcome.ts';
import { parseScenario } from '../scenario/parse.ts';
import { runScenario } from '../scenario/run.ts';
import { knownNames } from '../scenario/script_calls.ts';
import { startMachine } from '../scenario/start.ts';

/** The scenario is ours: if it does not run, that is a bug and no bad input. */
export function runTraceScenario(scenario: string, claim: string): Outcome {
  try {
    const program = parseScenario(scenario, `${claim}.js`, knownNames());
    return runScenario(program, startMachine(program, {}));
  } catch (error) {
    if (!(error instanceof InputError) && !(error instanceof NotModelledError)) throw error;
    throw new Error(`the scenario written for a trace of ${claim} does not run: ${error.message}`);
  }
}
