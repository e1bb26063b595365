/** What replay ids stand for: loaded when somebody opens one. */

import { replayTrace } from '../../src/check/trace/replay_trace.ts';
import { replayText } from '../../src/report/replay_text.ts';
import { parseScenario } from '../../src/scenario/parse.ts';
import { runScenario } from '../../src/scenario/run.ts';
import { knownNames } from '../../src/scenario/script_calls.ts';
import { startMachine } from '../../src/scenario/start.ts';
import { allArchitectures } from './architectures.ts';
import type { Replay } from './model_api.ts';

export async function replayed(id: string): Promise<Replay> {
  await allArchitectures();
  const result = replayTrace(id);
  const { claim, kernel, verdict, trace } = result;
  const program = parseScenario(trace.scenario, `${claim}.js`, knownNames());
  const outcome = runScenario(program, startMachine(program, {}));
  return { scenario: trace.scenario, claim, kernel, verdict, text: replayText(result, outcome) };
}
